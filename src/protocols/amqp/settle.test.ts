import { expect, test } from 'vitest'
import type { FakeQueue } from './fake-session.test-kit.ts'
import { openStage, type Stage, turns } from './test-kit.ts'

/** A channel with `count` deliveries of queue q that wait for an answer. */
async function stageWithDeliveries(count: number): Promise<{ stage: Stage; queue: FakeQueue }> {
  const stage = await openStage()
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await stage.client.expect('queue.declare-ok')
  stage.client.send(1, 'basic.qos', { prefetchCount: count })
  await stage.client.expect('basic.qos-ok')
  stage.client.send(1, 'basic.consume', { queue: 'q', consumerTag: 'c' })
  await stage.client.expect('basic.consume-ok')
  for (let index = 0; index < count; index++) stage.client.publish(1, '', 'q', `${index}`)
  for (let index = 0; index < count; index++) await delivery(stage, index + 1, false, `${index}`)
  return { stage, queue: stage.session.queue('q') }
}

async function delivery(stage: Stage, deliveryTag: number, redelivered: boolean, body: string): Promise<void> {
  await stage.client.expect('basic.deliver', { deliveryTag, redelivered })
  expect((await stage.client.content()).body.toString()).toBe(body)
}

async function refusedTag(stage: Stage, tag: number, methodId: number): Promise<void> {
  const replyText = `PRECONDITION_FAILED - unknown delivery tag ${tag}`
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId: 60, methodId })
}

test('settle: ack, reject and nack tell the queue what became of each', async () => {
  const { stage, queue } = await stageWithDeliveries(4)
  stage.client.send(1, 'basic.ack', { deliveryTag: 2 })
  stage.client.send(1, 'basic.reject', { deliveryTag: 1, requeue: false })
  stage.client.send(1, 'basic.nack', { deliveryTag: 4, requeue: false })
  await turns()
  expect(queue.outcomes).toEqual(['accept', 'reject', 'reject'])
  stage.client.send(1, 'basic.reject', { deliveryTag: 3, requeue: true })
  await delivery(stage, 5, true, '2')
})

test('settle: multiple answers all below, tag 0 all there are, and that may be none', async () => {
  const { stage, queue } = await stageWithDeliveries(5)
  stage.client.send(1, 'basic.ack', { deliveryTag: 3, multiple: true })
  await turns()
  expect(queue.outcomes).toEqual(['accept', 'accept', 'accept'])
  stage.client.send(1, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: false })
  await turns()
  expect(queue.outcomes.slice(3)).toEqual(['reject', 'reject'])
  stage.client.send(1, 'basic.ack', { deliveryTag: 0, multiple: true })
  await stage.client.quiet()
})

test('settle: everything requeued at once comes back in its order, each message once', async () => {
  const { stage } = await stageWithDeliveries(3)
  stage.client.send(1, 'basic.nack', { deliveryTag: 3, multiple: true, requeue: true })
  await turns()
  const seen: string[] = []
  for (let count = 0; count < 3; count++) {
    await stage.client.expect('basic.deliver', { redelivered: true })
    seen.push((await stage.client.content()).body.toString())
  }
  expect(seen.sort()).toEqual(['0', '1', '2'])
  await stage.client.quiet()
})

test.each([
  ['ack of a tag that never was', 'basic.ack' as const, { deliveryTag: 9 }, 9, 80],
  ['ack of tag 0 without multiple', 'basic.ack' as const, { deliveryTag: 0 }, 0, 80],
  ['reject of a tag that never was', 'basic.reject' as const, { deliveryTag: 9 }, 9, 90],
  ['nack of a tag that never was', 'basic.nack' as const, { deliveryTag: 9 }, 9, 120],
  ['ack of all up to a tag that never was', 'basic.ack' as const, { deliveryTag: 9, multiple: true }, 9, 80],
])('settle: %s ends the channel and requeues', async (_name, kind, given, tag, methodId) => {
  const { stage, queue } = await stageWithDeliveries(1)
  stage.client.send(1, kind, given)
  await refusedTag(stage, tag, methodId)
  expect(queue.outcomes).toEqual(['requeue'])
})

test('settle: an answered tag is unknown, with multiple too, even when lower ones wait', async () => {
  const { stage } = await stageWithDeliveries(3)
  stage.client.send(1, 'basic.ack', { deliveryTag: 2 })
  stage.client.send(1, 'basic.ack', { deliveryTag: 2, multiple: true })
  await refusedTag(stage, 2, 80)
})

test.each(['basic.recover' as const, 'basic.recover-async' as const])(
  'settle: %s requeues all, and its answer goes before what comes back',
  async (kind) => {
    const { stage } = await stageWithDeliveries(2)
    stage.client.send(1, kind, { requeue: true })
    if (kind === 'basic.recover') await stage.client.expect('basic.recover-ok')
    for (const deliveryTag of [3, 4]) {
      await stage.client.expect('basic.deliver', { deliveryTag, redelivered: true })
      await stage.client.content()
    }
    await stage.client.quiet()
  },
)

test('settle: one frame answers a hundred thousand deliveries', async () => {
  const stage = await openStage()
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await stage.client.expect('queue.declare-ok')
  stage.client.send(1, 'basic.consume', { queue: 'q' })
  await stage.client.expect('basic.consume-ok')
  stage.client.publish(1, '', 'q', 'x')
  await turns()
  const [{ message }] = stage.session.published as [(typeof stage.session.published)[0]]
  const queue = stage.session.queue('q')
  for (let count = 1; count < 100_000; count++) {
    queue.add(message)
    if (count % 1000 === 0) await turns(1)
  }
  await turns()
  expect(queue.ready).toHaveLength(0)
  stage.client.send(1, 'basic.ack', { deliveryTag: 100_000, multiple: true })
  await turns()
  expect(queue.outcomes).toHaveLength(100_000)
})
