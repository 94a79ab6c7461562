import { expect, test } from 'vitest'
import { long, longstr } from '../../base/field-value.ts'
import { openStage, type Stage } from './test-kit.ts'

async function declare(stage: Stage, queue: string): Promise<string> {
  stage.client.send(1, 'queue.declare', { queue })
  return (await stage.client.expect('queue.declare-ok')).queue
}

test('topology: declarations reach the broker with everything they say', async () => {
  const stage = await openStage()
  const { client, session } = stage
  const args = new Map([['x-message-ttl', long(5)]])
  client.send(1, 'queue.declare', { queue: 'q', durable: true, autoDelete: true, arguments: args })
  await client.expect('queue.declare-ok', { queue: 'q', messageCount: 0, consumerCount: 0 })
  expect(session.queueSpecs).toEqual([
    { name: 'q', durable: true, exclusive: false, autoDelete: true, arguments: args },
  ])
  client.send(1, 'exchange.declare', { exchange: 'x', type: 'topic', internal: true, durable: true })
  await client.expect('exchange.declare-ok')
  expect(session.exchanges).toEqual([
    { name: 'x', type: 'topic', durable: true, autoDelete: false, internal: true, arguments: new Map() },
  ])
})

test('topology: bindings of queues and of exchanges, both ways', async () => {
  const stage = await openStage()
  const { client, session } = stage
  await declare(stage, 'q')
  const args = new Map([['x-match', longstr('all')]])
  const binding = { exchange: 'x', queue: 'q', routingKey: 'k', arguments: args }
  client.send(1, 'queue.bind', binding)
  await client.expect('queue.bind-ok')
  client.send(1, 'queue.unbind', binding)
  await client.expect('queue.unbind-ok')
  client.send(1, 'exchange.bind', { source: 'x', destination: 'y', routingKey: 'k', arguments: args })
  await client.expect('exchange.bind-ok')
  client.send(1, 'exchange.unbind', { source: 'x', destination: 'y', routingKey: 'k', arguments: args })
  await client.expect('exchange.unbind-ok')
  const toQueue = { source: 'x', destination: 'q', routingKey: 'k', arguments: args }
  const toExchange = { source: 'x', destination: 'y', routingKey: 'k', arguments: args }
  expect(session.bindings).toEqual([toQueue, toQueue, toExchange, toExchange])
  expect(session.calls.slice(-4)).toEqual(['bindQueue', 'unbindQueue', 'bindExchange', 'unbindExchange'])
})

test('topology: an empty queue name is the queue declared last, and its own name the key', async () => {
  const stage = await openStage()
  const { client, session } = stage
  const name = await declare(stage, '')
  expect(name).toBe('amq.gen-1')
  client.send(1, 'queue.bind', { exchange: 'x' })
  await client.expect('queue.bind-ok')
  client.send(1, 'queue.bind', { exchange: 'x', routingKey: 'k' })
  await client.expect('queue.bind-ok')
  client.send(1, 'queue.bind', { exchange: 'x', queue: name })
  await client.expect('queue.bind-ok')
  expect(session.bindings.map(({ destination, routingKey }) => [destination, routingKey])).toEqual([
    [name, name],
    [name, 'k'],
    [name, ''],
  ])
  client.send(1, 'queue.declare', { queue: '', passive: true })
  await client.expect('queue.declare-ok', { queue: name })
  client.send(1, 'queue.purge', { queue: '' })
  await client.expect('queue.purge-ok', { messageCount: 0 })
  client.send(1, 'queue.delete', { queue: '', ifUnused: true })
  await client.expect('queue.delete-ok', { messageCount: 0 })
  expect(session.calls.at(-1)).toBe(`deleteQueue ${name} true false`)
})

test.each([
  ['basic.get' as const, 60, 70],
  ['basic.consume' as const, 60, 20],
  ['queue.bind' as const, 50, 20],
  ['queue.purge' as const, 50, 30],
  ['queue.delete' as const, 50, 40],
])('topology: %s without a name on a channel that declared nothing', async (kind, classId, methodId) => {
  const stage = await openStage()
  stage.client.send(1, kind)
  const replyText = 'NOT_FOUND - no previously declared queue'
  await stage.client.expect('channel.close', { replyCode: 404, replyText, classId, methodId })
})

test('topology: nowait leaves out the answer and never the error', async () => {
  const stage = await openStage()
  const { client } = stage
  client.send(1, 'exchange.declare', { exchange: 'x', type: 'direct', nowait: true })
  client.send(1, 'exchange.delete', { exchange: 'x', nowait: true })
  client.send(1, 'queue.declare', { queue: 'q', nowait: true })
  client.send(1, 'queue.bind', { queue: 'q', exchange: 'x', nowait: true })
  client.send(1, 'queue.purge', { queue: 'q', nowait: true })
  client.send(1, 'queue.delete', { queue: 'q', nowait: true })
  await client.quiet()
  client.send(1, 'queue.declare', { queue: 'nope', passive: true, nowait: true })
  await client.expect('channel.close', { replyCode: 404, classId: 50, methodId: 10 })
})

test('topology: a passive exchange.declare only looks', async () => {
  const stage = await openStage()
  stage.client.send(1, 'exchange.declare', { exchange: 'x', type: 'direct', passive: true })
  await stage.client.expect('exchange.declare-ok')
  expect(stage.session.calls).toEqual(['checkExchange x'])
  stage.client.send(1, 'exchange.declare', { exchange: 'nope', passive: true })
  await stage.client.expect('channel.close', { replyCode: 404, classId: 40, methodId: 10 })
})

test('topology: line ends are no part of a name', async () => {
  const stage = await openStage()
  expect(await declare(stage, 'jobs\r\n')).toBe('jobs')
  stage.client.send(1, 'exchange.delete', { exchange: 'x\n', ifUnused: true })
  await stage.client.expect('exchange.delete-ok')
  expect(stage.session.calls).toEqual(['declareQueue jobs', 'deleteExchange x true'])
})
