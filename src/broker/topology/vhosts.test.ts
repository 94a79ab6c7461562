import { expect, test } from 'vitest'
import { bindingSpec, exchangeSpec, queueSpec, refusal, settled, TestBroker, testSession } from './test-kit.ts'

const anyone = testSession()

test('vhosts: one is made once, found by name, and there after a restart', async () => {
  const broker = new TestBroker()
  expect(await refusal(() => broker.vhosts.get('nope'))).toBe('not-allowed: vhost nope not found')
  const [first, second] = await Promise.all([broker.vhosts.create('team/a'), broker.vhosts.create('team/a')])
  expect(first).toBe(second)
  expect(await broker.vhosts.create('team/a')).toBe(first)
  expect(broker.vhosts.get('team/a')).toBe(first)
  const after = new TestBroker(broker.meta)
  expect([...after.vhosts.all()].map((vhost) => vhost.name)).toEqual(['team/a'])
})

test('vhosts: things of one name in two vhosts have nothing to do with each other', async () => {
  const broker = new TestBroker()
  const [a, b] = [await broker.vhosts.create('a'), await broker.vhosts.create('a/b')]
  for (const vhost of [a, b]) {
    await vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
    await vhost.bindQueue(bindingSpec('amq.direct', 'q', vhost.name), anyone)
  }
  await a.deleteQueue('q', { ifUnused: false, ifEmpty: false }, anyone)
  expect(b.requireQueue('q', anyone).endCount).toBe(0)
  expect(broker.keys('queue/')).toEqual(['queue/a=2fb/q'])
  expect([...b.bindings()]).toHaveLength(1)
})

test('vhosts: deleting one ends its queues and leaves nothing for a new one of its name', async () => {
  const broker = new TestBroker()
  const vhost = await broker.vhosts.create('v')
  await broker.vhosts.create('other')
  await vhost.declareExchange(exchangeSpec('x', { durable: true }))
  await vhost.declareQueue(queueSpec('durable', { durable: true }), anyone)
  await vhost.declareQueue(queueSpec('transient'), anyone)
  await vhost.bindQueue(bindingSpec('x', 'durable'), anyone)
  const before = broker.vhosts.delete('v')
  const late = refusal(() => vhost.declareQueue(queueSpec('late'), anyone))
  await before
  expect(await late).toBe("not-allowed: vhost 'v' is being deleted")
  expect(broker.made.map((queue) => queue.endCount)).toEqual([1, 1])
  expect(broker.vhosts.find('v')).toBe(undefined)
  expect(broker.keys('vhost/')).toEqual(['vhost/other'])
  for (const prefix of ['exchange/', 'queue/', 'binding/']) expect(broker.keys(prefix)).toEqual([])
  const anew = await broker.vhosts.create('v')
  expect([...anew.queues()]).toEqual([])
  expect(anew).not.toBe(vhost)
  await broker.vhosts.delete('nope')
})

test('vhosts: after close nothing is followed any more', async () => {
  const broker = new TestBroker()
  await broker.vhosts.create('/')
  broker.vhosts.close()
  await broker.meta.put('vhost/late', '{}')
  await broker.meta.put('queue/=2f/late', '{"id":9,"autoDelete":false,"arguments":[]}')
  await settled()
  expect(broker.vhosts.find('late')).toBe(undefined)
  expect(broker.made).toEqual([])
})
