import { expect, test } from 'vitest'
import { openStage, type Stage, type StageOptions, turns } from './test-kit.ts'

async function stageWithQueue(options: StageOptions = {}): Promise<Stage> {
  const stage = await openStage(options)
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await stage.client.expect('queue.declare-ok')
  return stage
}

test('flow: a publisher is told once why it is blocked, waits, and is told when it may go on', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  client.publish(1, '', 'q', 'before')
  await turns()
  session.setFlow({ kind: 'blocked', reason: 'low on disk' })
  await client.expect('connection.blocked', { reason: 'low on disk' })
  session.setFlow({ kind: 'blocked', reason: "queue 'q' is full" })
  client.publish(1, '', 'q', 'while')
  client.publish(1, '', 'q', 'and again')
  await client.quiet()
  expect(session.published).toHaveLength(1)
  session.setFlow({ kind: 'open' })
  await client.expect('connection.unblocked')
  await turns()
  expect(session.published.map(({ message }) => message.body().toString())).toEqual(['before', 'while', 'and again'])
})

test('flow: a blocked connection still hears everything in front of its next publish', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  client.send(1, 'basic.consume', { queue: 'q' })
  await client.expect('basic.consume-ok')
  client.publish(1, '', 'q', 'x')
  await client.expect('basic.deliver')
  await client.content()
  session.setFlow({ kind: 'blocked', reason: "queue 'q' is full" })
  await client.expect('connection.blocked')
  client.send(1, 'basic.ack', { deliveryTag: 1 })
  client.send(1, 'basic.qos', { prefetchCount: 1 })
  client.publish(1, '', 'q', 'x')
  client.send(1, 'basic.qos', { prefetchCount: 2 })
  await client.expect('basic.qos-ok')
  await client.quiet()
  expect(session.queue('q').outcomes).toEqual(['accept'])
  expect(session.published).toHaveLength(1)
  session.setFlow({ kind: 'open' })
  await client.expect('connection.unblocked')
  await client.expect('basic.deliver')
  await client.content()
  await client.expect('basic.qos-ok')
})

test('flow: who never publishes is not told, and is when it begins to', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  session.setFlow({ kind: 'blocked', reason: 'low on disk' })
  client.send(1, 'basic.qos')
  await client.expect('basic.qos-ok')
  await client.quiet()
  client.publish(1, '', 'q', 'x')
  await client.expect('connection.blocked', { reason: 'low on disk' })
  expect(session.published).toEqual([])
  session.setFlow({ kind: 'open' })
  await client.expect('connection.unblocked')
  expect(session.published).toHaveLength(1)
})

test('flow: without the capability nothing is said, and publishes wait all the same', async () => {
  const stage = await stageWithQueue({ capabilities: [] })
  stage.client.publish(1, '', 'q', 'x')
  await turns()
  stage.session.setFlow({ kind: 'blocked', reason: 'low on disk' })
  stage.client.publish(1, '', 'q', 'x')
  await stage.client.quiet()
  expect(stage.session.published).toHaveLength(1)
  stage.session.setFlow({ kind: 'open' })
  await stage.client.quiet()
  expect(stage.session.published).toHaveLength(2)
})

test('flow: a hold is silent, and may turn into a block', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  session.setFlow({ kind: 'hold' })
  client.publish(1, '', 'q', 'x')
  await client.quiet()
  expect(session.published).toEqual([])
  session.setFlow({ kind: 'blocked', reason: 'low on disk' })
  await client.expect('connection.blocked')
  session.setFlow({ kind: 'hold' })
  await client.expect('connection.unblocked')
  await client.quiet()
  expect(session.published).toEqual([])
  session.setFlow({ kind: 'open' })
  await turns()
  expect(session.published).toHaveLength(1)
})

test('flow: a publish that blocks the connection is the last one taken', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  const { publish } = session
  session.publish = (...given) => {
    const outcome = publish.apply(session, given)
    if (session.published.length === 2) session.setFlow({ kind: 'blocked', reason: 'full' })
    return outcome
  }
  for (let count = 0; count < 5; count++) client.publish(1, '', 'q', 'x')
  await client.expect('connection.blocked')
  await client.quiet()
  expect(session.published).toHaveLength(2)
})

test('flow: publishing does not go on within the call that allows it', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  session.setFlow({ kind: 'hold' })
  client.publish(1, '', 'q', 'x')
  await turns()
  session.setFlow({ kind: 'open' })
  expect(session.published).toEqual([])
  session.setFlow({ kind: 'hold' })
  await turns()
  expect(session.published).toEqual([])
  session.setFlow({ kind: 'open' })
  await turns()
  expect(session.published).toHaveLength(1)
})

test('flow: a blocked client that sends too much waits in its socket, keeps its connection, and can be closed', async () => {
  const stage = await stageWithQueue({ heartbeatSeconds: 10 })
  const { client, session } = stage
  session.setFlow({ kind: 'hold' })
  for (let count = 0; count < 20; count++) client.publish(1, '', 'q', Buffer.alloc(10_000))
  await turns()
  expect(client.socket.isPaused()).toBe(true)
  stage.clock.advance(60_000)
  await turns()
  expect(client.socket.destroyed).toBe(false)
  while (client.received[0]?.kind === 'heartbeat') client.received.shift()
  stage.connection.close({ kind: 'shutdown' })
  await client.expect('connection.close', { replyCode: 320 })
  expect(client.socket.isPaused()).toBe(false)
  expect(session.published).toEqual([])
  client.send(0, 'connection.close-ok')
  await turns()
  expect(client.socket.isEndedByServer).toBe(true)
})

test('slow reader: deliveries stop while it does not read, and go on when it does', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  client.send(1, 'basic.consume', { queue: 'q', noAck: true })
  await client.expect('basic.consume-ok')
  client.socket.stall()
  for (let count = 0; count < 200; count++) client.publish(1, '', 'q', Buffer.alloc(10_000))
  await turns()
  const waiting = session.queue('q').ready.length
  expect(waiting).toBeGreaterThan(150)
  client.socket.unstall()
  await turns(100)
  expect(session.queue('q').ready).toEqual([])
  expect(client.received.filter((frame) => frame.kind === 'header')).toHaveLength(200)
})

test('slow reader: basic.get waits for it, so that answers do not gather here', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  for (let count = 0; count < 100; count++) client.publish(1, '', 'q', Buffer.alloc(100_000))
  await turns()
  client.socket.stall()
  for (let count = 0; count < 100; count++) client.send(1, 'basic.get', { queue: 'q', noAck: true })
  await turns(100)
  expect(session.queue('q').ready.length).toBeGreaterThan(90)
  client.socket.unstall()
  await turns(500)
  expect(session.queue('q').ready).toEqual([])
  expect(client.received.filter((frame) => frame.kind === 'header')).toHaveLength(100)
})

test('slow reader: one that goes away while basic.get waits for it loses nothing', async () => {
  const stage = await stageWithQueue()
  const { client, session } = stage
  for (let count = 0; count < 20; count++) client.publish(1, '', 'q', Buffer.alloc(100_000))
  await turns()
  client.socket.stall()
  for (let count = 0; count < 20; count++) client.send(1, 'basic.get', { queue: 'q', noAck: true })
  await turns(20)
  const left = session.queue('q').ready.length
  client.socket.destroy()
  await turns()
  expect(session.queue('q').ready).toHaveLength(left)
  expect(stage.isGone).toBe(true)
})

test('slow reader: above the limit its requests wait, and after a while it is dropped', async () => {
  const stage = await stageWithQueue({ settings: { unreadBytesMax: 400_000 } })
  const { client, session } = stage
  client.socket.stall()
  for (let count = 0; count < 20; count++) {
    client.publish(1, '', 'nowhere', Buffer.alloc(100_000), { mandatory: true })
    await turns(1)
  }
  await turns()
  expect(session.published.length).toBeLessThan(6)
  // Somewhat more than the limit is unread, and time is counted by begun limits.
  stage.clock.advance(2 * stage.settings.stallTimeoutMs - 1)
  await turns()
  expect(client.socket.destroyed).toBe(false)
  stage.clock.advance(1)
  await turns()
  expect(client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
})

test('slow reader: who reads again in time goes on', async () => {
  const stage = await stageWithQueue({ settings: { unreadBytesMax: 400_000 } })
  const { client, session } = stage
  client.socket.stall()
  for (let count = 0; count < 20; count++) {
    client.publish(1, '', 'nowhere', Buffer.alloc(100_000), { mandatory: true })
    await turns(1)
  }
  stage.clock.advance(2 * stage.settings.stallTimeoutMs - 1)
  client.socket.unstall()
  await turns(100)
  stage.clock.advance(100 * stage.settings.stallTimeoutMs)
  await turns()
  expect(client.socket.destroyed).toBe(false)
  expect(session.published).toHaveLength(20)
})
