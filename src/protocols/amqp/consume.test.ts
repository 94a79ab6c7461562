import { expect, test } from 'vitest'
import { long, longstr } from '../../base/field-value.ts'
import { openStage, type Stage, type StageOptions, turns } from './test-kit.ts'
import type { MethodArguments } from './wire/method-schema.ts'

async function stageWithQueue(options: StageOptions = {}): Promise<Stage> {
  const stage = await openStage(options)
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await stage.client.expect('queue.declare-ok')
  return stage
}

async function consume(stage: Stage, given: Partial<MethodArguments<'basic.consume'>> = {}): Promise<string> {
  stage.client.send(1, 'basic.consume', { queue: 'q', ...given })
  const { consumerTag } = await stage.client.expect('basic.consume-ok')
  return consumerTag
}

async function qos(stage: Stage, prefetchCount: number, global = false): Promise<void> {
  stage.client.send(1, 'basic.qos', { prefetchCount, global })
  await stage.client.expect('basic.qos-ok')
}

function publish(stage: Stage, count: number): void {
  for (let index = 0; index < count; index++) stage.client.publish(1, '', 'q', `${index}`)
}

/** Tags of the deliveries that came; everything else is a failure. */
async function delivered(stage: Stage): Promise<number[]> {
  await turns()
  const tags: number[] = []
  while (stage.client.received.length > 0) {
    tags.push((await stage.client.expect('basic.deliver')).deliveryTag)
    await stage.client.content()
  }
  return tags
}

test('consume: the answer comes first, then deliveries with all of the message', async () => {
  const stage = await stageWithQueue()
  stage.client.publish(1, '', 'q', 'hello', { properties: { contentType: 'text/plain' } })
  stage.client.send(1, 'basic.consume', {
    queue: 'q',
    consumerTag: 'mine',
    arguments: new Map([['x-priority', long(5)]]),
  })
  await stage.client.expect('basic.consume-ok', { consumerTag: 'mine' })
  await stage.client.expect('basic.deliver', {
    consumerTag: 'mine',
    deliveryTag: 1,
    redelivered: false,
    exchange: '',
    routingKey: 'q',
  })
  const { properties, body } = await stage.client.content()
  expect(properties).toEqual({ contentType: 'text/plain' })
  expect(body.toString()).toBe('hello')
  expect(stage.session.queue('q').consumers[0]).toMatchObject({ tag: 'mine', priority: 5, noAck: false })
})

test('consume: with nowait the first frame is the delivery', async () => {
  const stage = await stageWithQueue()
  publish(stage, 1)
  stage.client.send(1, 'basic.consume', { queue: 'q', nowait: true, noAck: true })
  expect(await delivered(stage)).toEqual([1])
})

test('consume: the server names consumers that have no name', async () => {
  const stage = await stageWithQueue()
  const [first, second] = [await consume(stage), await consume(stage)]
  expect(first).toMatch(/^amq\.ctag-[\w-]{22}$/)
  expect(second).not.toBe(first)
})

test.each([4096, 8192, 131_072])("consume: bodies are split by the client's frame_max %d", async (frameMax) => {
  const stage = await stageWithQueue({ frameMax })
  await consume(stage, { noAck: true })
  for (const size of [0, 1, frameMax - 8, frameMax - 7, 16_384, 16_385, 300_000]) {
    const body = Buffer.from(Array.from({ length: size }, (_, index) => index * 7))
    stage.client.publish(1, '', 'q', body)
    await stage.client.expect('basic.deliver')
    const received = await stage.client.content()
    expect(received.body.equals(body)).toBe(true)
    expect(received.frameCount).toBe(Math.ceil(size / (frameMax - 8)))
  }
})

test('consume: prefetch counts per consumer, and only for consumers that begin afterwards', async () => {
  const stage = await stageWithQueue()
  await qos(stage, 1)
  await consume(stage, { consumerTag: 'a' })
  await consume(stage, { consumerTag: 'b' })
  publish(stage, 5)
  expect(await delivered(stage)).toEqual([1, 2])
  await qos(stage, 100)
  expect(await delivered(stage)).toEqual([])
  stage.client.send(1, 'basic.ack', { deliveryTag: 2 })
  expect(await delivered(stage)).toEqual([3])
  stage.client.send(1, 'basic.ack', { deliveryTag: 3, multiple: true })
  expect(await delivered(stage)).toEqual([4, 5])
})

test('consume: a global prefetch is shared by the channel and works at once', async () => {
  const stage = await stageWithQueue()
  await qos(stage, 1, true)
  await consume(stage, { consumerTag: 'a' })
  await consume(stage, { consumerTag: 'b' })
  publish(stage, 6)
  expect(await delivered(stage)).toEqual([1])
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  expect(await delivered(stage)).toEqual([2])
  stage.client.send(1, 'basic.qos', { prefetchCount: 3, global: true })
  await turns()
  const answer = stage.client.received.findIndex(
    (frame) => frame.kind === 'method' && frame.method.kind === 'basic.qos-ok',
  )
  stage.client.received.splice(answer, 1)
  expect(await delivered(stage)).toEqual([3, 4])
  stage.client.send(1, 'basic.get', { queue: 'q' })
  await stage.client.expect('basic.get-ok', { deliveryTag: 5, messageCount: 1 })
  await stage.client.content()
  // What was got does not count: its answer makes no room, and needs none.
  stage.client.send(1, 'basic.ack', { deliveryTag: 5 })
  expect(await delivered(stage)).toEqual([])
  stage.client.send(1, 'basic.ack', { deliveryTag: 2 })
  expect(await delivered(stage)).toEqual([6])
})

test('consume: without acknowledgements no limit holds, and there is nothing to acknowledge', async () => {
  const stage = await stageWithQueue()
  await qos(stage, 1)
  await consume(stage, { noAck: true })
  publish(stage, 3)
  expect(await delivered(stage)).toEqual([1, 2, 3])
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  await stage.client.expect('channel.close', {
    replyCode: 406,
    replyText: 'PRECONDITION_FAILED - unknown delivery tag 1',
  })
})

test('consume: a tag that is in use ends the connection', async () => {
  const stage = await stageWithQueue()
  await consume(stage, { consumerTag: 'tag' })
  stage.client.send(1, 'basic.consume', { queue: 'q', consumerTag: 'tag' })
  const replyText = "NOT_ALLOWED - attempt to reuse consumer tag 'tag'"
  await stage.client.expect('connection.close', { replyCode: 530, replyText, classId: 60, methodId: 20 })
})

test('consume: a priority that is no number is refused', async () => {
  const stage = await stageWithQueue()
  stage.client.send(1, 'basic.consume', { queue: 'q', arguments: new Map([['x-priority', longstr('high')]]) })
  const text = `invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got longstr"`
  await stage.client.expect('channel.close', { replyCode: 406, replyText: `PRECONDITION_FAILED - ${text}` })
})

test('consume: a refused consumer leaves its tag free', async () => {
  const stage = await stageWithQueue()
  stage.client.send(1, 'basic.consume', { queue: 'nope', consumerTag: 'tag' })
  await stage.client.expect('channel.close', { replyCode: 404, replyText: "NOT_FOUND - no queue 'nope' in vhost '/'" })
  stage.client.send(1, 'channel.close-ok')
  await stage.channel()
  await consume(stage, { consumerTag: 'tag' })
})

test('consume: after cancel-ok nothing is delivered, and what was out can still be answered', async () => {
  const stage = await stageWithQueue()
  await consume(stage, { consumerTag: 'tag' })
  publish(stage, 1)
  expect(await delivered(stage)).toEqual([1])
  stage.client.send(1, 'basic.cancel', { consumerTag: 'tag' })
  await stage.client.expect('basic.cancel-ok', { consumerTag: 'tag' })
  publish(stage, 1)
  expect(await delivered(stage)).toEqual([])
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  await turns()
  expect(stage.session.queue('q').outcomes).toEqual(['accept'])
  stage.client.send(1, 'basic.cancel', { consumerTag: 'unknown' })
  await stage.client.expect('basic.cancel-ok', { consumerTag: 'unknown' })
  stage.client.send(1, 'basic.cancel', { consumerTag: 'unknown', nowait: true })
  await stage.client.quiet()
})

test('consume: a deleted queue cancels its consumers after delete-ok, on other channels at once', async () => {
  const stage = await stageWithQueue()
  await stage.channel(2)
  await consume(stage, { consumerTag: 'same' })
  stage.client.send(2, 'basic.consume', { queue: 'q', consumerTag: 'other' })
  await stage.client.expect('basic.consume-ok')
  stage.client.send(1, 'queue.delete', { queue: 'q' })
  await stage.client.expect('basic.cancel', { consumerTag: 'other', nowait: true })
  await stage.client.expect('queue.delete-ok', { messageCount: 0 })
  await stage.client.expect('basic.cancel', { consumerTag: 'same', nowait: true })
  // The tag is free again.
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await stage.client.expect('queue.declare-ok')
  await consume(stage, { consumerTag: 'same' })
})

test('consume: a client that does not understand cancels is not sent any', async () => {
  const stage = await stageWithQueue({ capabilities: [] })
  await consume(stage)
  stage.client.send(1, 'queue.delete', { queue: 'q' })
  await stage.client.expect('queue.delete-ok')
  await stage.client.quiet()
})

test('consume: a channel that closes ends its consumers and requeues, before close-ok', async () => {
  const stage = await stageWithQueue()
  await consume(stage, { consumerTag: 'tag' })
  publish(stage, 1000)
  expect(await delivered(stage)).toHaveLength(1000)
  stage.client.send(1, 'channel.close')
  await stage.client.expect('channel.close-ok')
  const queue = stage.session.queue('q')
  expect(queue.outcomes.length).toBe(1000)
  expect(queue.ready).toHaveLength(1000)
  expect(stage.session.calls).toContain('cancel tag')
  await stage.client.quiet()
})

test('consume: a channel closed while its consumer was being made has no consumer', async () => {
  const stage = await stageWithQueue()
  let open = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    open = resolve
  })
  stage.client.send(1, 'basic.consume', { queue: 'q', consumerTag: 'late' })
  await turns()
  stage.connection.close({ kind: 'shutdown' })
  await stage.client.expect('connection.close')
  open()
  await stage.client.quiet()
  expect(stage.session.calls).toContain('cancel late')
  expect(stage.session.queue('q').consumers).toEqual([])
})

test('get: one message at a time, with what is left, and get-empty in the end', async () => {
  const stage = await stageWithQueue()
  publish(stage, 2)
  stage.client.send(1, 'basic.get', { queue: 'q' })
  await stage.client.expect('basic.get-ok', { deliveryTag: 1, redelivered: false, routingKey: 'q', messageCount: 1 })
  await stage.client.content()
  stage.client.send(1, 'basic.get', { queue: '', noAck: true })
  await stage.client.expect('basic.get-ok', { deliveryTag: 2, messageCount: 0 })
  await stage.client.content()
  stage.client.send(1, 'basic.get', { queue: 'q' })
  await stage.client.expect('basic.get-empty')
  stage.client.send(1, 'channel.close')
  await stage.client.expect('channel.close-ok')
  expect(stage.session.queue('q').outcomes).toEqual(['requeue'])
})

test('get: a message got for a connection that has ended goes back', async () => {
  const stage = await stageWithQueue()
  publish(stage, 1)
  await turns()
  let open = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    open = resolve
  })
  stage.client.send(1, 'basic.get', { queue: 'q' })
  await turns()
  stage.connection.close({ kind: 'shutdown' })
  await stage.client.expect('connection.close')
  open()
  await stage.client.quiet()
  expect(stage.session.queue('q').outcomes).toEqual(['requeue'])
})

test.each([
  ['prefetch_size', 'basic.qos' as const, { prefetchSize: 1 }, 'prefetch_size!=0 (1)', 60, 10],
  ['recover without requeue', 'basic.recover' as const, { requeue: false }, 'requeue=false', 60, 110],
  ['a flow that stops', 'channel.flow' as const, { active: false }, 'active=false', 20, 20],
])('consume: %s is not implemented', async (_name, kind, given, text, classId, methodId) => {
  const stage = await openStage()
  stage.client.send(1, kind, given)
  const replyText = `NOT_IMPLEMENTED - ${text}`
  await stage.client.expect('connection.close', { replyCode: 540, replyText, classId, methodId })
})

test('consume: the small methods of a channel are answered', async () => {
  const stage = await openStage()
  stage.client.send(1, 'channel.flow', { active: true })
  await stage.client.expect('channel.flow-ok', { active: true })
  stage.client.send(1, 'access.request', { realm: '/data' })
  await stage.client.expect('access.request-ok', { ticket: 1 })
  stage.client.send(1, 'confirm.select', { nowait: true })
  stage.client.send(1, 'confirm.select')
  await stage.client.expect('confirm.select-ok')
})

test('consume: a consumer whose queue was deleted lets go of its subscription', async () => {
  const stage = await stageWithQueue()
  await consume(stage, { consumerTag: 'mine' })
  stage.client.send(1, 'queue.delete', { queue: 'q' })
  await stage.client.expect('queue.delete-ok')
  expect(stage.session.calls).toContain('cancel mine')
})

test('qos: consumers that share a limit take turns when it is reached', async () => {
  const stage = await stageWithQueue()
  stage.client.send(1, 'queue.declare', { queue: 'other' })
  await stage.client.expect('queue.declare-ok')
  await qos(stage, 1, true)
  for (const queue of ['q', 'other']) await consume(stage, { queue, consumerTag: queue })
  for (const queue of ['q', 'other']) {
    for (let index = 0; index < 5; index++) stage.client.publish(1, '', queue, `${index}`)
  }
  const served: string[] = []
  for (let round = 0; round < 5; round++) {
    const { consumerTag, deliveryTag } = await stage.client.expect('basic.deliver')
    await stage.client.content()
    served.push(consumerTag)
    stage.client.send(1, 'basic.ack', { deliveryTag })
  }
  expect(served).toEqual(['q', 'q', 'other', 'q', 'other'])
})
