import { expect, test } from 'vitest'
import { array, type FieldValue, long, longstr } from '../../base/field-value.ts'
import { seededRandom } from '../../base/random.ts'
import { plainMessage } from '../routing/test-kit.ts'
import { QUEUE_IDS_KEY } from './records.ts'
import {
  bindingSpec,
  exchangeNames,
  exchangeSpec,
  type FakeQueue,
  openVhost,
  queueSpec,
  reached,
  refusal,
  settled,
  TestBroker,
  tableOf,
  testSession,
} from './test-kit.ts'
import type { Vhost } from './vhost.ts'

const anyone = testSession()
const always = { ifUnused: false, ifEmpty: false }

/** Everything durable of a vhost, to be compared. */
function durableState(vhost: Vhost<FakeQueue>): unknown {
  const isDurable = (kind: string, name: string): boolean =>
    kind === 'queue' ? vhost.findQueue(name)!.definition.durable : vhost.requireExchange(name).definition.durable
  const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  return {
    exchanges: [...vhost.exchanges()]
      .map((exchange) => exchange.definition)
      .filter((one) => one.durable)
      .sort(byText),
    queues: [...vhost.queues()]
      .map((queue) => queue.definition)
      .filter((one) => one.durable)
      .sort(byText),
    bindings: [...vhost.bindings()]
      .filter((one) => isDurable('exchange', one.source) && isDurable(one.destinationKind, one.destination))
      .sort(byText),
  }
}

test('recovery: what is durable comes back exactly, the rest does not', async () => {
  const { broker, vhost } = await openVhost()
  const odd: Record<string, FieldValue> = {
    'x-message-ttl': { type: 's', value: 1000 },
    'x-odd': array([longstr(Buffer.from([0xff])), long(2n ** 60n), { type: 'd', value: Number.NaN }, { type: 'V' }]),
  }
  const name = 'jobs/*.ü =2f'
  await vhost.declareQueue(queueSpec(name, { durable: true, autoDelete: true, arguments: tableOf(odd) }), anyone)
  await vhost.declareQueue(queueSpec('transient'), anyone)
  await vhost.declareQueue(queueSpec('mine', { durable: true, exclusive: true }), anyone)
  const alternate = tableOf({ 'alternate-exchange': longstr('amq.fanout') })
  await vhost.declareExchange(
    exchangeSpec(name, { durable: true, type: 'topic', autoDelete: true, internal: true, arguments: alternate }),
  )
  await vhost.declareExchange(exchangeSpec('short'))
  await vhost.bindQueue(bindingSpec(name, name, 'a.*.#', tableOf(odd)), anyone)
  await vhost.bindQueue(bindingSpec('amq.direct', 'transient', 'k'), anyone)
  await vhost.bindExchange(bindingSpec('amq.headers', name, '', tableOf(odd)))
  const after = new TestBroker(broker.meta)
  expect(durableState(after.vhost)).toEqual(durableState(vhost))
  expect(exchangeNames(after.vhost)).toEqual([name])
  expect(after.made.map((queue) => queue.definition.name)).toEqual([name])
  expect(after.made[0]!.definition).toEqual(broker.made[0]!.definition)
  expect(after.made[0]!.owner).toBe(undefined)
  expect(reached(after.vhost, name, 'a.b.c')).toEqual([name])
  expect(after.warnings).toEqual([])
  const again = queueSpec(name, { durable: true, autoDelete: true, arguments: tableOf(odd) })
  expect((await after.vhost.declareQueue(again, anyone)).name).toBe(name)
})

test('recovery: a binding without an end is dropped, told, and gone from the metadata', async () => {
  const { broker, vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
  await vhost.declareExchange(exchangeSpec('x', { durable: true }))
  await vhost.bindQueue(bindingSpec('x', 'q', 'k'), anyone)
  await vhost.bindQueue(bindingSpec('amq.direct', 'q', 'k'), anyone)
  broker.vhosts.close()
  await broker.meta.delete('exchange/=2f/x')
  const after = new TestBroker(broker.meta)
  expect([...after.vhost.bindings()].map((binding) => binding.source)).toEqual(['amq.direct'])
  expect(after.warnings).toEqual(['a binding without an end is dropped'])
  await settled()
  expect(after.keys('binding/')).toHaveLength(1)
  expect(after.failures).toEqual([])
})

test('recovery: an id is never used twice, also not of deleted queues and over restarts', async () => {
  let { broker } = await openVhost()
  const seen = new Set<number>()
  let declared = 0
  for (let restart = 0; restart < 4; restart++) {
    for (const [index, durable] of [true, false, true].entries()) {
      const name = `q${restart}-${index}`
      await broker.vhost.declareQueue(queueSpec(name, { durable }), anyone)
      seen.add(broker.vhost.requireQueue(name, anyone).definition.id)
      declared++
      if (index === 0) await broker.vhost.deleteQueue(name, always, anyone)
    }
    broker.vhosts.close()
    broker = new TestBroker(broker.meta)
  }
  expect(seen.size).toBe(declared)
  expect(Math.max(...seen)).toBeLessThan(Number(broker.meta.get(QUEUE_IDS_KEY)?.value))
})

test('recovery: damage and a type of a newer version are told, not passed over', async () => {
  for (const [key, value, code] of [
    ['queue/=2f/q', '{"id":"x"}', 'damaged'],
    ['exchange/=2f/x', '{"type":"x-future","autoDelete":false,"internal":false,"arguments":[]}', 'newer-format'],
  ] as const) {
    const { broker } = await openVhost()
    broker.vhosts.close()
    await broker.meta.put(key, value)
    expect(() => new TestBroker(broker.meta)).toThrow(expect.objectContaining({ code }))
  }
})

test('one broker sees what another declares, binds and deletes', async () => {
  const { broker: one } = await openVhost()
  const two = new TestBroker(one.meta, 2)
  await one.vhost.declareExchange(exchangeSpec('x', { durable: true, type: 'fanout' }))
  await two.vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
  await one.vhost.bindQueue(bindingSpec('x', 'q'), anyone)
  expect(reached(two.vhost, 'x')).toEqual(['q'])
  expect(durableState(two.vhost)).toEqual(durableState(one.vhost))
  await two.vhost.deleteQueue('q', always, anyone)
  expect(one.made[0]!.endCount).toBe(1)
  expect(reached(one.vhost, 'x')).toEqual([])
  await one.vhosts.create('new')
  expect(two.vhosts.get('new').name).toBe('new')
})

test('a queue whose record comes again stays, one that was made anew elsewhere is another queue', async () => {
  const { broker, vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
  await vhost.bindQueue(bindingSpec('amq.direct', 'q', 'k'), anyone)
  const { key, value } = broker.meta.list('queue/')[0]!
  await broker.meta.put(key, value)
  expect(broker.made.map((queue) => queue.endCount)).toEqual([0])
  expect(reached(vhost, 'amq.direct', 'k')).toEqual(['q'])
  await broker.meta.put(key, value.replace(/"id":\d+/, '"id":4711'))
  expect(broker.made.map((queue) => queue.endCount)).toEqual([1, 0])
  expect(vhost.requireQueue('q', anyone).definition.id).toBe(4711)
})

test('two brokers that declare one name at once agree: one makes it, the other hears of differences', async () => {
  const { broker: one } = await openVhost()
  const two = new TestBroker(one.meta, 2)
  const spec = queueSpec('q', { durable: true })
  await Promise.all([one.vhost.declareQueue(spec, anyone), two.vhost.declareQueue(spec, anyone)])
  const ids = [one, two].map((broker) => broker.vhost.requireQueue('q', anyone).definition.id)
  expect(ids[0]).toBe(ids[1])
  expect([one.made.length, two.made.length]).toEqual([1, 1])
  const answers = await Promise.all([
    refusal(() => one.vhost.declareExchange(exchangeSpec('x', { durable: true, type: 'fanout' }))),
    refusal(() => two.vhost.declareExchange(exchangeSpec('x', { durable: true, type: 'topic' }))),
  ])
  expect(answers[0]).toBe('accepted')
  expect(answers[1]).toMatch(/inequivalent arg 'type'.*received 'topic' but current is 'fanout'/)
  const [first, second] = await Promise.all([one.vhosts.create('v'), two.vhosts.create('v')])
  expect([first.name, second.name]).toEqual(['v', 'v'])
})

test('sessions that declare, bind and delete the same things at once leave memory and metadata the same', async () => {
  const random = seededRandom(21)
  const { broker, vhost } = await openVhost()
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
  const step = async (): Promise<void> => {
    const [queue, x, y] = [pick(['q1', 'q2', 'q3']), pick(['x1', 'x2', 'x3']), pick(['x1', 'x2', 'x3'])]
    const durable = random.below(4) > 0
    const flags = { durable, autoDelete: random.below(2) === 0 }
    await pick([
      () => vhost.declareQueue(queueSpec(queue, { durable }), anyone),
      () => vhost.declareExchange(exchangeSpec(x, { type: 'topic', ...flags })),
      () => vhost.bindQueue(bindingSpec(x, queue, pick(['a', 'b'])), anyone),
      () => vhost.bindExchange(bindingSpec(x, y, 'a')),
      () => vhost.unbindQueue(bindingSpec(x, queue, pick(['a', 'b'])), anyone),
      () => vhost.unbindExchange(bindingSpec(x, y, 'a')),
      () => vhost.deleteQueue(queue, always, anyone),
      () => vhost.deleteExchange(x, { ifUnused: random.below(2) === 0 }),
      () => vhost.declareQueue(queueSpec(queue, { durable }), anyone),
      () => vhost.declareExchange(exchangeSpec(x, { type: 'topic', ...flags })),
    ])()
  }
  let accepted = 0
  for (let round = 0; round < 150; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => refusal(step)))
    accepted += answers.filter((answer) => answer === 'accepted').length
    for (const answer of answers) expect(answer).toMatch(/^(accepted|not-found|precondition-failed)/)
    const restarted = new TestBroker(broker.meta)
    expect(durableState(restarted.vhost)).toEqual(durableState(vhost))
    expect(restarted.warnings).toEqual([])
    restarted.vhosts.close()
    for (const exchange of vhost.exchanges()) vhost.route(exchange, 'a', undefined, plainMessage)
  }
  expect(accepted).toBeGreaterThan(400)
  expect(broker.failures).toEqual([])
})
