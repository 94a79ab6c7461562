import { expect, test } from 'vitest'
import type { FakeSession } from './fake-session.test-kit.ts'
import { openStage, type Stage, turns } from './test-kit.ts'
import { decodeProperties } from './wire/properties.ts'

const REPLY_TO = 'amq.rabbitmq.reply-to'

test('direct reply-to: a request carries the name of the mailbox, and the answer comes to its consumer', async () => {
  const stage = await openStage()
  const { client, session } = stage
  client.send(1, 'basic.consume', { queue: REPLY_TO, consumerTag: 'replies', noAck: true })
  await client.expect('basic.consume-ok', { consumerTag: 'replies' })
  const properties = { contentType: 't', replyTo: REPLY_TO, correlationId: 'c' }
  client.publish(1, '', 'requests', 'request', { properties })
  await turns()
  const raw = session.published[0]!.message.properties()
  const { replyTo, ...others } = decodeProperties(raw, 0, raw.length)
  expect(others).toEqual({ contentType: 't', correlationId: 'c' })
  expect(replyTo).toMatch(/^amq\.rabbitmq\.reply-to\..+/)
  client.send(1, 'queue.declare', { queue: replyTo!, passive: true })
  await client.expect('queue.declare-ok', { queue: replyTo!, messageCount: 0, consumerCount: 1 })
  client.publish(1, '', replyTo!, 'answer')
  await client.expect('basic.deliver', { consumerTag: 'replies', deliveryTag: 1, routingKey: replyTo! })
  expect((await client.content()).body.toString()).toBe('answer')
})

test('direct reply-to: the mailbox goes with its consumer or its channel', async () => {
  const stage = await openStage()
  const { client, session } = stage
  client.send(1, 'basic.consume', { queue: REPLY_TO, consumerTag: 'a', noAck: true })
  await client.expect('basic.consume-ok')
  client.send(1, 'basic.cancel', { consumerTag: 'a' })
  await client.expect('basic.cancel-ok')
  expect(session.mailboxes.size).toBe(0)
  client.send(1, 'basic.consume', { queue: REPLY_TO, consumerTag: 'a', noAck: true })
  await client.expect('basic.consume-ok')
  expect(session.mailboxes.size).toBe(1)
  client.send(1, 'channel.close')
  await client.expect('channel.close-ok')
  expect(session.mailboxes.size).toBe(0)
})

test('direct reply-to: a mailbox takes no acknowledgements', async () => {
  const stage = await openStage()
  stage.client.send(1, 'basic.consume', { queue: REPLY_TO })
  const replyText = 'PRECONDITION_FAILED - reply consumer cannot acknowledge'
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId: 60, methodId: 20 })
})

test('direct reply-to: a channel has one mailbox', async () => {
  const stage = await openStage()
  stage.client.send(1, 'basic.consume', { queue: REPLY_TO, consumerTag: 'a', noAck: true })
  await stage.client.expect('basic.consume-ok')
  stage.client.send(1, 'queue.declare', { queue: REPLY_TO, passive: true })
  await stage.client.expect('queue.declare-ok', { queue: REPLY_TO, messageCount: 0, consumerCount: 1 })
  stage.client.send(1, 'basic.consume', { queue: REPLY_TO, consumerTag: 'b', noAck: true })
  const replyText = 'PRECONDITION_FAILED - reply consumer already set'
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId: 60, methodId: 20 })
})

test('direct reply-to: a mailbox that is gone is not found', async () => {
  const stage = await openStage()
  stage.client.send(1, 'queue.declare', { queue: `${REPLY_TO}.gone`, passive: true })
  const replyText = `NOT_FOUND - no queue '${REPLY_TO}.gone' in vhost '/'`
  await stage.client.expect('channel.close', { replyCode: 404, replyText, classId: 50, methodId: 10 })
})

test('direct reply-to: answers to one who does not read them do not gather without end', async () => {
  const stage = await openStage({ settings: { unreadBytesMax: 1_000_000 } })
  const { client, session } = stage
  client.send(1, 'basic.consume', { queue: REPLY_TO, noAck: true })
  await client.expect('basic.consume-ok')
  const mailbox = [...session.mailboxes.values()][0]!
  const message = (await published(stage)).message
  client.socket.stall()
  let takenCount = 0
  for (; mailbox.canTake() && takenCount < 1000; takenCount++) {
    mailbox.deliver({ message, redelivered: false, deliveryCount: 0, settle: () => {} })
    await turns(1)
  }
  expect(takenCount).toBeGreaterThan(90)
  expect(takenCount).toBeLessThan(200)
  client.socket.unstall()
  await turns(100)
  expect(mailbox.canTake()).toBe(true)
})

async function published({ client, session }: Stage): Promise<FakeSession['published'][0]> {
  client.publish(1, '', 'nowhere', Buffer.alloc(10_000))
  await turns()
  return session.published.at(-1)!
}
