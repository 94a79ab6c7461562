import { expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { openStage, type Stage, type StageOptions, turns } from './test-kit.ts'

async function txStage(options: StageOptions = {}): Promise<Stage> {
  const stage = await openStage(options)
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await stage.client.expect('queue.declare-ok')
  stage.client.send(1, 'tx.select')
  await stage.client.expect('tx.select-ok')
  return stage
}

async function get(stage: Stage): Promise<void> {
  stage.client.send(1, 'basic.get', { queue: 'q' })
  await stage.client.expect('basic.get-ok')
  await stage.client.content()
}

test('tx: publishes and acks happen at the commit, which waits until they are durable', async () => {
  const stage = await txStage()
  const { client, session } = stage
  client.publish(1, '', 'q', 'first')
  client.send(1, 'tx.commit')
  await client.expect('tx.commit-ok')
  await get(stage)
  client.publish(1, '', 'q', 'second')
  client.send(1, 'basic.ack', { deliveryTag: 1 })
  await client.quiet()
  expect(session.published).toHaveLength(1)
  expect(session.queue('q').outcomes).toEqual([])
  let flushed = (): void => {}
  session.gate = new Promise((resolve) => {
    flushed = resolve
  })
  client.send(1, 'tx.commit')
  await client.quiet()
  expect(session.published).toHaveLength(2)
  expect(session.queue('q').outcomes).toEqual(['accept'])
  expect(session.calls.at(-1)).toBe('durable')
  flushed()
  await client.expect('tx.commit-ok')
})

test('tx: returns come at the commit, before its answer', async () => {
  const stage = await txStage()
  stage.client.publish(1, '', 'nowhere', 'x', { mandatory: true })
  await stage.client.quiet()
  stage.client.send(1, 'tx.commit')
  await stage.client.expect('basic.return', { replyCode: 312, routingKey: 'nowhere' })
  await stage.client.content()
  await stage.client.expect('tx.commit-ok')
})

test('tx: a rollback drops publishes and makes acked deliveries unacknowledged again', async () => {
  const stage = await txStage()
  const { client, session } = stage
  for (const body of ['a', 'b']) client.publish(1, '', 'q', body)
  client.send(1, 'tx.commit')
  await client.expect('tx.commit-ok')
  await get(stage)
  await get(stage)
  client.send(1, 'basic.ack', { deliveryTag: 2, multiple: true })
  client.publish(1, '', 'q', 'dropped')
  client.send(1, 'tx.rollback')
  await client.expect('tx.rollback-ok')
  expect(session.published).toHaveLength(2)
  expect(session.queue('q').outcomes).toEqual([])
  client.send(1, 'basic.ack', { deliveryTag: 2, multiple: true })
  client.send(1, 'tx.commit')
  await client.expect('tx.commit-ok')
  expect(session.queue('q').outcomes).toEqual(['accept', 'accept'])
})

test('tx: an ack of a tag answered inside the transaction is refused, and all of it is undone', async () => {
  const stage = await txStage()
  stage.client.publish(1, '', 'q', 'a')
  stage.client.send(1, 'tx.commit')
  await stage.client.expect('tx.commit-ok')
  await get(stage)
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  await stage.client.expect('channel.close', {
    replyCode: 406,
    replyText: 'PRECONDITION_FAILED - unknown delivery tag 1',
  })
  expect(stage.session.queue('q').outcomes).toEqual(['requeue'])
})

test('tx: prefetch credit is free at the commit, not before', async () => {
  const stage = await txStage()
  const { client } = stage
  client.send(1, 'basic.qos', { prefetchCount: 1 })
  await client.expect('basic.qos-ok')
  client.send(1, 'basic.consume', { queue: 'q' })
  await client.expect('basic.consume-ok')
  for (const body of ['a', 'b']) client.publish(1, '', 'q', body)
  client.send(1, 'tx.commit')
  await client.expect('basic.deliver', { deliveryTag: 1 })
  await client.content()
  await client.expect('tx.commit-ok')
  client.send(1, 'basic.ack', { deliveryTag: 1 })
  await client.quiet()
  client.send(1, 'tx.commit')
  await client.expect('basic.deliver', { deliveryTag: 2 })
})

test('tx: a missing exchange is told at the publish', async () => {
  const stage = await txStage()
  stage.client.publish(1, 'nope', 'q', 'x')
  await stage.client.expect('channel.close', { replyCode: 404, classId: 60, methodId: 40 })
})

test('tx: a queue that rejects makes the commit fail', async () => {
  const stage = await txStage()
  stage.client.publish(1, '', 'q', 'x')
  let flushed = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    flushed = resolve
  })
  stage.client.send(1, 'tx.commit')
  await turns()
  stage.session.published[0]!.confirms!.rejected(0)
  flushed()
  const replyText = 'PRECONDITION_FAILED - partial tx completion'
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId: 90, methodId: 20 })
})

test('tx: storage that fails makes the commit fail', async () => {
  const stage = await txStage()
  stage.session.failure = new StorageError('write-failed', 'the disk failed')
  stage.client.send(1, 'tx.commit')
  await stage.client.expect('connection.close', { replyCode: 541, classId: 90, methodId: 20 })
})

test('tx: a transaction has a size', async () => {
  const stage = await txStage({ settings: { transactionBytesMax: 1000 } })
  stage.client.publish(1, '', 'q', Buffer.alloc(600))
  stage.client.send(1, 'tx.commit')
  await stage.client.expect('tx.commit-ok')
  stage.client.publish(1, '', 'q', Buffer.alloc(600))
  stage.client.publish(1, '', 'q', Buffer.alloc(600))
  await stage.client.expect('channel.close', { replyCode: 406 })
  expect(stage.session.published).toHaveLength(1)
})

test('tx: many transactions on one connection have no more room than one', async () => {
  const stage = await txStage({ settings: { transactionBytesMax: 1000 } })
  for (const method of ['channel.open', 'tx.select'] as const) {
    stage.client.send(2, method)
    await stage.client.expect(`${method}-ok`)
  }
  stage.client.publish(1, '', 'q', Buffer.alloc(600))
  stage.client.publish(2, '', 'q', Buffer.alloc(300))
  stage.client.send(1, 'tx.rollback')
  await stage.client.expect('tx.rollback-ok')
  stage.client.publish(1, '', 'q', Buffer.alloc(500))
  stage.client.publish(2, '', 'q', Buffer.alloc(300))
  await stage.client.expect('channel.close', { replyCode: 406 })
})

test.each([
  ['tx.commit without select', ['tx.commit' as const], 'channel is not transactional', 90, 20],
  ['tx.rollback without select', ['tx.rollback' as const], 'channel is not transactional', 90, 30],
  [
    'tx after confirms',
    ['confirm.select' as const, 'tx.select' as const],
    'cannot switch from confirm to tx mode',
    90,
    10,
  ],
  [
    'confirms after tx',
    ['tx.select' as const, 'confirm.select' as const],
    'cannot switch from tx to confirm mode',
    85,
    10,
  ],
])('tx: %s is refused', async (_name, kinds, text, classId, methodId) => {
  const stage = await openStage()
  for (const kind of kinds) stage.client.send(1, kind)
  await turns()
  if (kinds.length > 1) await stage.client.next()
  const replyText = `PRECONDITION_FAILED - ${text}`
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId, methodId })
})
