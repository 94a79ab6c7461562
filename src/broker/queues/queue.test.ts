import { describe, expect, test } from 'vitest'
import { Answers, QueueBench, TestConsumer } from '../../../test/support/broker/queue-bench.ts'
import { seededRandom } from '../../base/random.ts'

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `m${index + from}`)

describe('queue: order and settlement', () => {
  test('messages leave in the order they came', async () => {
    const bench = await QueueBench.open()
    for (const name of names(10)) bench.publish(name)
    expect(await bench.drain()).toEqual(names(10))
  })

  test('a requeued message returns to its old place', async () => {
    const bench = await QueueBench.open()
    for (const name of names(5)) bench.publish(name)
    const taken = []
    for (let index = 0; index < 3; index++) taken.push(await bench.queue.get(false))
    for (const got of taken.reverse()) got?.delivery.settle('requeue')
    expect(await bench.drain()).toEqual(['m0!', 'm1!', 'm2!', 'm3', 'm4'])
  })

  test('a message goes straight to a consumer who waits, and to the next one in turn', async () => {
    const bench = await QueueBench.open()
    const one = bench.consume(new TestConsumer())
    const two = bench.consume(new TestConsumer())
    for (const name of names(4)) bench.publish(name)
    expect([one.bodies, two.bodies]).toEqual([
      ['m0', 'm2'],
      ['m1', 'm3'],
    ])
    expect(bench.queue.readyCount).toBe(0)
  })

  test('a consumer without credit gets nothing until he is granted some', async () => {
    const bench = await QueueBench.open()
    const slow = bench.consume(new TestConsumer({ credit: 1 }))
    for (const name of names(3)) bench.publish(name)
    expect(slow.bodies).toEqual(['m0'])
    slow.grant(2)
    expect(slow.bodies).toEqual(['m0', 'm1', 'm2'])
  })

  test('the consumer of higher priority is served first, the others when he has no credit', async () => {
    const bench = await QueueBench.open()
    const low = bench.consume(new TestConsumer({ priority: 0 }))
    const high = bench.consume(new TestConsumer({ priority: 5, credit: 2 }))
    for (const name of names(3)) bench.publish(name)
    expect([high.bodies, low.bodies]).toEqual([['m0', 'm1'], ['m2']])
  })

  test('with a single active consumer the others wait, and the one of highest priority takes over', async () => {
    const bench = await QueueBench.open({ singleActiveConsumer: true })
    const first = bench.consume(new TestConsumer())
    const second = bench.consume(new TestConsumer())
    const third = bench.consume(new TestConsumer({ priority: 9 }))
    bench.publish('m0')
    first.subscription?.cancel()
    bench.publish('m1')
    third.subscription?.cancel()
    bench.publish('m2')
    expect([first.bodies, second.bodies, third.bodies]).toEqual([['m0'], ['m2'], ['m1']])
  })

  test('an exclusive consumer keeps others out, and is kept out by others', async () => {
    const bench = await QueueBench.open()
    const only = bench.consume(new TestConsumer(), true)
    expect(() => bench.consume(new TestConsumer())).toThrow("queue 'q' in vhost '/' in exclusive use")
    only.subscription?.cancel()
    bench.consume(new TestConsumer())
    expect(() => bench.consume(new TestConsumer(), true)).toThrow('in exclusive use')
  })

  test('higher priorities leave first, equal ones in order', async () => {
    const bench = await QueueBench.open({ maxPriority: 5 })
    for (const priority of [1, 5, undefined, 9, 1]) {
      bench.publish(`p${priority}`, priority === undefined ? {} : { priority })
    }
    expect(await bench.drain()).toEqual(['p5', 'p9', 'p1', 'p1', 'pundefined'])
  })
})

describe('queue: a message that expires behind one that does not', () => {
  test('dies when a consumer took the other, though nobody can take it', async () => {
    const bench = await QueueBench.open({ deadLetterExchange: 'dlx' })
    bench.publish('lasting')
    bench.publish('brief', { expirationMs: 100 })
    bench.publish('later', { expirationMs: 500 })
    bench.clock.advance(200)
    expect(bench.dead).toEqual([])
    bench.consume(new TestConsumer({ credit: 1 }))
    expect(bench.dead).toEqual([{ body: 'brief', reason: 'expired' }])
    bench.clock.advance(300)
    expect(bench.dead).toEqual([
      { body: 'brief', reason: 'expired' },
      { body: 'later', reason: 'expired' },
    ])
  })

  test('dies when the other was got, and does not count as remaining', async () => {
    const bench = await QueueBench.open()
    bench.publish('lasting')
    bench.publish('brief', { expirationMs: 100 })
    bench.clock.advance(200)
    const got = await bench.queue.get(false)
    expect(got?.remaining).toBe(0)
  })
})

describe('queue: limits as RabbitMQ keeps them', () => {
  test('what would go over the limit in bytes is refused, what fits behind it is taken', async () => {
    const bench = await QueueBench.open({ maxLengthBytes: 10, overflow: 'reject-publish' })
    const answers = new Answers()
    for (const [index, size] of [4, 4, 4, 2].entries()) bench.publish('x'.repeat(size), {}, answers, index)
    expect(answers.rejectedSequences).toEqual([2])
    expect(bench.queue.readyCount).toBe(3)
  })

  test('what comes back to a full queue pushes out the oldest', async () => {
    const bench = await QueueBench.open({ maxLength: 2, deadLetterExchange: 'dlx' })
    for (const name of names(2)) bench.publish(name)
    const taken = [await bench.queue.get(false), await bench.queue.get(false)]
    for (const name of names(2, 2)) bench.publish(name)
    for (const got of taken) got?.delivery.settle('requeue')
    expect(bench.dead.map(({ body }) => body)).toEqual(['m0', 'm1'])
    expect(await bench.drain()).toEqual(['m2', 'm3'])
  })

  test('with a single active consumer nobody has the queue for himself', async () => {
    const bench = await QueueBench.open({ singleActiveConsumer: true })
    expect(() => bench.consume(new TestConsumer(), true)).toThrow('in exclusive use')
  })
})

describe('queue: durability', () => {
  test('a persistent message is confirmed when it is committed, a transient one at once', async () => {
    const bench = await QueueBench.open()
    const answers = new Answers()
    bench.publish('a', {}, answers, 1)
    bench.publish('b', { persistent: false }, answers, 2)
    expect(answers.confirmedSequences).toEqual([2])
    await bench.flush()
    expect(answers.confirmedSequences).toEqual([2, 1])
  })

  test('after a crash unsettled persistent messages are there, in order, those handed out marked', async () => {
    const bench = await QueueBench.open()
    for (const name of names(6)) bench.publish(name, { persistent: name !== 'm4' })
    await bench.queue.get(false)
    const second = await bench.queue.get(false)
    second?.delivery.settle('accept')
    await bench.flush()
    await bench.restart()
    expect(bench.queue.readyCount).toBe(4)
    expect(await bench.drain()).toEqual(['m0!', 'm2', 'm3', 'm5'])
  })

  test('how often a message came back survives a crash', async () => {
    const bench = await QueueBench.open({ deliveryLimit: 2, deadLetterExchange: 'dlx' })
    bench.publish('poison')
    for (let round = 0; round < 2; round++) (await bench.queue.get(false))?.delivery.settle('requeue')
    await bench.flush()
    await bench.restart()
    const got = await bench.queue.get(false)
    expect(got?.delivery.deliveryCount).toBe(2)
    got?.delivery.settle('requeue')
    expect(bench.dead).toEqual([{ body: 'poison', reason: 'delivery_limit' }])
    expect(bench.queue.readyCount).toBe(0)
  })

  test('a snapshot stands for everything before it', async () => {
    const bench = await QueueBench.open()
    for (const name of names(8)) bench.publish(name)
    for (let index = 0; index < 3; index++) (await bench.queue.get(false))?.delivery.settle('accept')
    const out = await bench.queue.get(false)
    bench.queue.writeSnapshot(256)
    bench.publish('m8')
    out?.delivery.settle('accept')
    await bench.flush()
    await bench.restart()
    expect(await bench.drain()).toEqual(names(5, 4))
  })

  test('a purge survives a crash, what was out then does too', async () => {
    const bench = await QueueBench.open({}, { memoryBytes: 1200 })
    for (const name of names(20)) bench.publish(name)
    await bench.queue.get(false)
    expect(bench.queue.purge()).toBe(19)
    await bench.flush()
    await bench.restart()
    expect(await bench.drain()).toEqual(['m0!'])
  })
})

describe('queue: memory', () => {
  test('beyond the budget messages lie on disk only, transient ones too, and come back in order', async () => {
    const bench = await QueueBench.open({}, { memoryBytes: 2000 })
    for (const name of names(500)) bench.publish(name, { persistent: Number(name.slice(1)) % 3 !== 0 })
    expect(bench.memory.usedBytes).toBeLessThan(3000)
    expect(bench.queue.readyCount).toBe(500)
    await bench.flush()
    expect(await bench.drain()).toEqual(names(500))
    expect(bench.memory.usedBytes).toBe(0)
  })

  test('a queue that does not survive a restart spills as well', async () => {
    const bench = await QueueBench.open({}, { memoryBytes: 2000, durable: false })
    for (const name of names(300)) bench.publish(name)
    expect(await bench.drain()).toEqual(names(300))
  })

  test('unsettled messages are let go when memory is short, and read again when they come back', async () => {
    const bench = await QueueBench.open({}, { memoryBytes: 2000 })
    const consumer = bench.consume(new TestConsumer())
    for (const name of names(50)) bench.publish(name)
    expect(bench.memory.usedBytes).toBeLessThan(3000)
    await bench.flush()
    consumer.credit = 0
    for (const delivery of consumer.got.splice(0)) delivery.settle('requeue')
    consumer.subscription?.cancel()
    expect(await bench.drain()).toEqual(names(50).map((name) => `${name}!`))
  })

  test('random work over a tiny budget and many crashes matches a plain model', async () => {
    for (let seed = 1; seed <= 12; seed++) await compareWithModel(seed)
  })
})

/** The model: a list of bodies; after a crash what was out is ready again, in its place. */
async function compareWithModel(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const bench = await QueueBench.open({}, { memoryBytes: 1500 })
  let ready: number[] = []
  let out: { body: number; settle: (outcome: 'accept' | 'requeue') => void }[] = []
  let next = 0
  for (let step = 0; step < 400; step++) {
    const dice = random.below(100)
    if (dice < 50) {
      bench.publish(String(next))
      ready.push(next++)
    } else if (dice < 75) {
      const got = await bench.queue.get(false)
      expect(got?.delivery.message.body().toString()).toBe(ready[0]?.toString())
      if (got === undefined) continue
      out.push({ body: ready.shift() as number, settle: (outcome) => got.delivery.settle(outcome) })
    } else if (dice < 95 && out.length > 0) {
      const [one] = out.splice(random.below(out.length), 1)
      const requeue = random.below(3) === 0
      one?.settle(requeue ? 'requeue' : 'accept')
      if (requeue && one) ready = [...ready, one.body].sort((a, b) => a - b)
    } else if (dice >= 98) {
      if (random.below(2) === 0) bench.queue.writeSnapshot(256)
      await bench.flush()
      await bench.restart()
      ready = [...ready, ...out.map((one) => one.body)].sort((a, b) => a - b)
      out = []
    }
    expect(bench.queue.readyCount).toBe(ready.length)
  }
  expect((await bench.drain()).map((body) => Number(body.replace('!', '')))).toEqual(ready)
}

describe('queue: expiry', () => {
  test('a message whose time is over dies at the head, with or without a consumer', async () => {
    const bench = await QueueBench.open({ messageTtlMs: 1000, deadLetterExchange: 'dlx' })
    bench.publish('long', { expirationMs: 5000 })
    bench.clock.advance(500)
    bench.publish('later')
    bench.clock.advance(500)
    expect(bench.dead).toEqual([{ body: 'long', reason: 'expired' }])
    bench.clock.advance(499)
    expect(bench.queue.readyCount).toBe(1)
    bench.clock.advance(1)
    expect(bench.queue.readyCount).toBe(0)
  })

  test('time to live 0: delivered at once or never', async () => {
    const bench = await QueueBench.open({ messageTtlMs: 0 })
    bench.publish('gone')
    expect(bench.queue.readyCount).toBe(0)
    const consumer = bench.consume(new TestConsumer())
    bench.publish('caught')
    expect(consumer.bodies).toEqual(['caught'])
  })

  test('expiry goes on after a crash, by the time of publishing', async () => {
    const bench = await QueueBench.open({ deadLetterExchange: 'dlx' })
    bench.publish('short', { expirationMs: 1000 })
    bench.publish('eternal')
    await bench.flush()
    bench.clock.advance(400)
    await bench.restart()
    await bench.queue.get(false).then((got) => got?.delivery.settle('requeue'))
    bench.clock.advance(601)
    expect(bench.dead).toEqual([{ body: 'short', reason: 'expired' }])
    expect(await bench.drain()).toEqual(['eternal'])
  })

  test('a queue that nobody uses asks to be ended, one with a consumer does not', async () => {
    const bench = await QueueBench.open({ expiresMs: 1000 })
    const consumer = bench.consume(new TestConsumer())
    bench.clock.advance(5000)
    expect(bench.wishes).toEqual([])
    consumer.subscription?.cancel()
    bench.clock.advance(900)
    bench.queue.touch()
    bench.clock.advance(999)
    expect(bench.wishes).toEqual([])
    bench.clock.advance(1)
    expect(bench.wishes).toEqual(['expired'])
  })

  test('an overdue delivery goes back, and its late settlement is ignored', async () => {
    const bench = await QueueBench.open({ consumerTimeoutMs: 1000 })
    const stuck = bench.consume(new TestConsumer({ credit: 1 }))
    bench.publish('job')
    bench.clock.advance(1000)
    await bench.flush()
    const again = await bench.queue.get(false)
    expect(again?.delivery.redelivered).toBe(true)
    stuck.settleNext('accept')
    again?.delivery.settle('requeue')
    expect(bench.queue.readyCount).toBe(1)
  })
})

describe('queue: limits', () => {
  test('drop-head: the oldest of the lowest priority dies', async () => {
    const bench = await QueueBench.open({ maxLength: 2, maxPriority: 3, deadLetterExchange: 'dlx' })
    bench.publish('high', { priority: 3 })
    bench.publish('low1')
    bench.publish('low2')
    bench.publish('low3')
    expect(bench.dead.map(({ body, reason }) => `${body} ${reason}`)).toEqual(['low1 maxlen', 'low2 maxlen'])
    expect(await bench.drain()).toEqual(['high', 'low3'])
  })

  test('drop-head by bytes reaches messages that lie on disk only', async () => {
    const bench = await QueueBench.open({ maxLengthBytes: 20 }, { memoryBytes: 500 })
    for (const name of names(30, 10)) bench.publish(name)
    await bench.flush()
    expect(await bench.drain()).toEqual(names(6, 34))
  })

  test('reject-publish answers no and keeps what it has', async () => {
    const bench = await QueueBench.open({ maxLength: 1, overflow: 'reject-publish-dlx', deadLetterExchange: 'dlx' })
    const answers = new Answers()
    bench.publish('kept', {}, answers, 1)
    bench.publish('refused', {}, answers, 2)
    await bench.flush()
    expect([answers.confirmedSequences, answers.rejectedSequences]).toEqual([[1], [2]])
    expect(bench.dead).toEqual([{ body: 'refused', reason: 'maxlen' }])
    expect(await bench.drain()).toEqual(['kept'])
  })

  test('a full queue tells when it has room again', async () => {
    const bench = await QueueBench.open({ maxLength: 2, overflow: 'block' })
    for (const name of names(2)) bench.publish(name)
    expect(bench.queue.full).toBe(true)
    let told = 0
    bench.queue.onRoom({ roomIn: () => told++ })
    await bench.queue.get(true)
    expect(told).toBe(1)
  })
})

test('queue: ending it cancels consumers and makes late settlements harmless', async () => {
  const bench = await QueueBench.open()
  const consumer = bench.consume(new TestConsumer())
  bench.publish('a')
  bench.queue.end()
  expect(consumer.cancelReason).toBe('queue-deleted')
  consumer.settleNext('accept')
  await bench.flush()
  expect(bench.memory.usedBytes).toBeLessThan(1000)
})
