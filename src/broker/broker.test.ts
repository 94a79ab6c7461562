import { afterEach, describe, expect, test } from 'vitest'
import { headersOf, plainFormat, plainProperties } from '../../test/support/broker/plain-format.ts'
import { Answers, bodyOf, TestConsumer } from '../../test/support/broker/queue-bench.ts'
import { ManualClock } from '../base/clock.ts'
import { StorageError } from '../base/errors.ts'
import { array, emptyTable, type FieldTable, integerOf, long, longstr, table, textOf } from '../base/field-value.ts'
import { seededRandom } from '../base/random.ts'
import { BatchFormats } from '../message/batch-format.ts'
import { makeMessage } from '../message/message.ts'
import { MessageFormats } from '../message/message-format.ts'
import { MemoryStorage } from '../storage/engines/memory/memory-storage.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { Broker } from './broker.ts'
import type { Flow, Session } from './session.ts'

class BrokerBench {
  readonly clock = new ManualClock()
  readonly storage = new MemoryStorage()
  broker!: Broker
  session!: Session
  readonly flows: Flow[] = []

  static async open(): Promise<BrokerBench> {
    const bench = new BrokerBench()
    await bench.start()
    return bench
  }

  async start(): Promise<void> {
    const formats = new MessageFormats()
    formats.register(plainFormat)
    this.broker = await Broker.open({
      storage: this.storage,
      formats,
      batches: new BatchFormats(),
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      messageMemoryBytes: 1 << 20,
      diskFreeBytesMin: 0,
      vhosts: ['/'],
      onFailure: () => {},
    })
    this.session = this.connect()
  }

  connect(): Session {
    const owner = { flow: (flow: Flow) => void this.flows.push(flow), ended: () => {} }
    return this.broker.openSession({ user: 'guest', vhost: '/', peer: 'test', owner })
  }

  async restart(): Promise<void> {
    await this.session.durable()
    await this.broker.close()
    await this.start()
  }

  async queue(name: string, values: Parameters<typeof headersOf>[0] = {}, exclusive = false): Promise<void> {
    const args = headersOf(values)
    await this.session.declareQueue({ name, durable: !exclusive, exclusive, autoDelete: false, arguments: args })
  }

  async exchange(name: string, type: string, values: Parameters<typeof headersOf>[0] = {}): Promise<void> {
    const args = headersOf(values)
    await this.session.declareExchange({
      name,
      type,
      durable: true,
      autoDelete: false,
      internal: false,
      arguments: args,
    })
  }

  publish(exchange: string, key: string, body: string, headers: FieldTable = emptyTable, answers?: Answers): string {
    const head = {
      format: plainFormat,
      address: this.session.address(exchange, key),
      persistent: true,
      priority: undefined,
      publishedMs: this.clock.nowMs(),
      expirationMs: undefined,
    }
    return this.session.publish(makeMessage(head, plainProperties(headers), Buffer.from(body)), undefined, answers, 1)
  }

  async take(queue: string): Promise<{ body: string; headers: FieldTable } | undefined> {
    const got = await this.session.get(queue, { noAck: true })
    if (got === undefined) return undefined
    return { body: bodyOf(got.delivery), headers: plainFormat.headers(got.delivery.message.properties()) }
  }
}

let bench: BrokerBench

afterEach(() => bench.broker.close())

/** count/reason/queue, newest first. */
function deathsOf(headers: FieldTable | undefined): string[] {
  const deaths = headers?.get('x-death')
  if (deaths?.type !== 'A') return []
  return deaths.value.map((death) =>
    death.type === 'F'
      ? `${integerOf(death.value.get('count'))} ${textOf(death.value.get('reason'))} ${textOf(death.value.get('queue'))}`
      : '?',
  )
}

describe('broker: dead letters', () => {
  test('when storage has failed, what expires stays where it is', async () => {
    bench = await BrokerBench.open()
    await bench.queue('dead')
    await bench.queue('q', {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      'x-message-ttl': long(100),
    })
    bench.publish('', 'q', 'm')
    await bench.session.durable()
    // Another broker takes the shard over: this one's journal is at its end.
    await bench.storage.claim(0)
    expect(() => bench.clock.advance(200)).not.toThrow()
    await bench.start()
    bench.clock.advance(1)
    expect((await bench.take('dead'))?.body).toBe('m')
  })

  test('a count that a sender made up is counted on as far as it goes', async () => {
    bench = await BrokerBench.open()
    await bench.queue('dead')
    await bench.queue('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    const death = new Map([
      ['queue', longstr('q')],
      ['reason', longstr('rejected')],
      ['count', long(2n ** 63n - 1n)],
    ])
    bench.publish('', 'q', 'm', new Map([['x-death', array([table(death)])]]))
    const got = await bench.session.get('q', { noAck: false })
    got?.delivery.settle('reject')
    expect(deathsOf((await bench.take('dead'))?.headers)).toEqual([`${Number.MAX_SAFE_INTEGER} rejected q`])
  })

  test('the count of deliveries stays behind, and a first death is told once, whatever the sender said', async () => {
    bench = await BrokerBench.open()
    await bench.queue('dead')
    await bench.queue('q', {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
      'x-delivery-limit': long(1),
    })
    bench.publish('', 'q', 'poison', headersOf({ 'x-first-death-reason': 'mine' }))
    for (let round = 0; round < 2; round++) {
      const got = await bench.session.get('q', { noAck: false })
      got?.delivery.settle('requeue')
    }
    const letter = await bench.take('dead')
    expect(deathsOf(letter?.headers)).toEqual(['1 delivery_limit q'])
    expect(letter?.headers.has('x-delivery-count')).toBe(false)
    expect(textOf(letter?.headers.get('x-first-death-reason'))).toBe('delivery_limit')
  })

  test('a rejected message goes to its exchange with what happened to it, and counts up when it dies again', async () => {
    bench = await BrokerBench.open()
    await bench.queue('work', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' })
    await bench.queue('dead', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work' })
    bench.publish('', 'work', 'job', headersOf({ a: 1 }))
    for (const queue of ['work', 'dead', 'work']) {
      const got = await bench.session.get(queue, { noAck: false })
      got?.delivery.settle('reject')
    }
    const dead = await bench.take('dead')
    expect(dead?.body).toBe('job')
    expect(deathsOf(dead?.headers)).toEqual(['2 rejected work', '1 rejected dead'])
    expect(textOf(dead?.headers.get('x-first-death-queue'))).toBe('work')
    expect(textOf(dead?.headers.get('x-first-death-reason'))).toBe('rejected')
    expect(integerOf(dead?.headers.get('a'))).toBe(1)
  })

  test('a message that expires round a circle without anybody rejecting it is dropped', async () => {
    bench = await BrokerBench.open()
    await bench.queue('a', { 'x-message-ttl': 10, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'b' })
    await bench.queue('b', { 'x-message-ttl': 10, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'a' })
    bench.publish('', 'a', 'ghost')
    bench.clock.advance(10)
    expect(bench.session.checkQueue('b').readyCount).toBe(1)
    bench.clock.advance(10)
    expect(bench.session.checkQueue('a').readyCount).toBe(0)
    expect(bench.session.checkQueue('b').readyCount).toBe(0)
  })

  test('a retry loop with a rejection in it goes on', async () => {
    bench = await BrokerBench.open()
    await bench.queue('jobs', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'later' })
    await bench.queue('later', {
      'x-message-ttl': 10,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'jobs',
    })
    bench.publish('', 'jobs', 'again')
    for (let round = 0; round < 3; round++) {
      const got = await bench.session.get('jobs', { noAck: false })
      expect(got?.delivery.message.body().toString()).toBe('again')
      got?.delivery.settle('reject')
      bench.clock.advance(10)
    }
    expect(deathsOf((await bench.take('jobs'))?.headers)).toEqual(['3 expired later', '3 rejected jobs'])
  })
})

test('broker: a quorum queue tells how often a message came back, a plain classic one does not', async () => {
  bench = await BrokerBench.open()
  for (const type of ['quorum', 'classic']) {
    await bench.queue(type, { 'x-queue-type': type })
    bench.publish('', type, 'job', headersOf({ a: 1 }))
    for (let round = 0; round < 2; round++) {
      const got = await bench.session.get(type, { noAck: false })
      got?.delivery.settle('requeue')
    }
    const { headers } = (await bench.take(type)) ?? {}
    expect(integerOf(headers?.get('x-delivery-count'))).toBe(type === 'quorum' ? 2 : undefined)
    expect(integerOf(headers?.get('a'))).toBe(1)
  }
})

describe('broker: delayed messages', () => {
  async function delayed(): Promise<void> {
    bench = await BrokerBench.open()
    await bench.exchange('later', 'x-delayed-message', { 'x-delayed-type': 'direct' })
    await bench.queue('q')
    await bench.session.bindQueue({ source: 'later', destination: 'q', routingKey: 'k', arguments: emptyTable })
  }

  /** The release reads from storage, which takes turns of the event loop. */
  async function arrived(count: number): Promise<void> {
    while (bench.session.checkQueue('q').readyCount < count) await new Promise((resolve) => setImmediate(resolve))
  }

  test('each arrives at its own time, none waits for another', async () => {
    await delayed()
    for (const delay of [300, 100, 200]) bench.publish('later', 'k', `after ${delay}`, headersOf({ 'x-delay': delay }))
    bench.publish('later', 'k', 'now')
    await bench.session.durable()
    for (let count = 1; count <= 4; count++) {
      await arrived(count)
      bench.clock.advance(100)
    }
    const bodies = []
    for (let count = 0; count < 4; count++) bodies.push((await bench.take('q'))?.body)
    expect(bodies).toEqual(['now', 'after 100', 'after 200', 'after 300'])
  })

  test('one that cannot be read keeps no other from leaving', async () => {
    bench = new BrokerBench()
    const claim = bench.storage.claim.bind(bench.storage)
    bench.storage.claim = async (shard) => {
      const journal = await claim(shard)
      const read = journal.read.bind(journal)
      journal.read = async (...asked) => {
        const records = await read(...asked)
        if (records[0]?.payload.includes('unreadable')) throw new StorageError('damaged', 'a bad sector')
        return records
      }
      return journal
    }
    await bench.start()
    await bench.exchange('later', 'x-delayed-message', { 'x-delayed-type': 'fanout' })
    await bench.queue('q')
    await bench.session.bindQueue({ source: 'later', destination: 'q', routingKey: '', arguments: emptyTable })
    for (const body of ['a', 'unreadable', 'b']) bench.publish('later', 'k', body, headersOf({ 'x-delay': 100 }))
    await bench.session.durable()
    bench.clock.advance(100)
    await arrived(2)
    expect([(await bench.take('q'))?.body, (await bench.take('q'))?.body]).toEqual(['a', 'b'])
  })

  test('they are confirmed when durable, and survive a restart with their time', async () => {
    await delayed()
    const answers = new Answers()
    bench.publish('later', 'k', 'far', headersOf({ 'x-delay': long(2n ** 33n) }), answers)
    bench.publish('later', 'k', 'near', headersOf({ 'x-delay': 1000 }), answers)
    expect(answers.confirmedSequences).toEqual([])
    await bench.session.durable()
    expect(answers.confirmedSequences).toEqual([1, 1])
    bench.clock.advance(400)
    await bench.restart()
    await bench.session.durable()
    await new Promise((resolve) => setImmediate(resolve))
    bench.clock.advance(599)
    await bench.session.durable()
    expect(bench.session.checkQueue('q').readyCount).toBe(0)
    bench.clock.advance(1)
    await arrived(1)
    const near = await bench.take('q')
    expect([near?.body, integerOf(near?.headers.get('x-delay'))]).toEqual(['near', -1000])
    bench.clock.advance(2 ** 33)
    await arrived(1)
    expect((await bench.take('q'))?.body).toBe('far')
  })
})

describe('broker: sessions', () => {
  test('exclusive queues and mailboxes end with their session', async () => {
    bench = await BrokerBench.open()
    const owner = bench.connect()
    await owner.declareQueue({
      name: 'mine',
      durable: false,
      exclusive: true,
      autoDelete: false,
      arguments: emptyTable,
    })
    const mailbox = owner.openMailbox(new TestConsumer({ noAck: true }))
    expect(() => bench.session.checkQueue('mine')).toThrow('cannot obtain exclusive access')
    expect(bench.session.mailboxExists(mailbox.name)).toBe(true)
    await owner.close()
    expect(() => bench.session.checkQueue('mine')).toThrow("no queue 'mine' in vhost '/'")
    expect(bench.session.mailboxExists(mailbox.name)).toBe(false)
  })

  test('a message to a mailbox reaches its consumer at once, or nobody', async () => {
    bench = await BrokerBench.open()
    const consumer = new TestConsumer({ noAck: true })
    const mailbox = bench.session.openMailbox(consumer)
    expect(bench.publish('', mailbox.name, 'reply')).toBe('routed')
    expect(consumer.bodies).toEqual(['reply'])
    mailbox.close()
    expect(bench.publish('', mailbox.name, 'too late')).toBe('unroutable')
  })

  test('a full queue of the blocking kind holds its publishers until there is room', async () => {
    bench = await BrokerBench.open()
    await bench.queue('small', { 'x-max-length': 2, 'x-overflow': 'block' })
    bench.publish('', 'small', 'a')
    expect(bench.session.flow.kind).toBe('open')
    bench.publish('', 'small', 'b')
    expect(bench.flows).toEqual([{ kind: 'blocked', reason: "queue 'small' is full" }])
    await bench.take('small')
    expect(bench.session.flow.kind).toBe('open')
    expect(bench.flows.length).toBe(2)
  })

  test('deleting the full queue releases those it blocked', async () => {
    bench = await BrokerBench.open()
    await bench.queue('small', { 'x-max-length': 1, 'x-overflow': 'block' })
    bench.publish('', 'small', 'a')
    await bench.session.deleteQueue('small', { ifUnused: false, ifEmpty: false })
    expect(bench.session.flow.kind).toBe('open')
  })

  test('a message to several queues answers once for each, and a restart finds it in all', async () => {
    bench = await BrokerBench.open()
    const answers = new Answers()
    for (const name of ['one', 'two', 'three']) {
      await bench.queue(name)
      await bench.session.bindQueue({ source: 'amq.fanout', destination: name, routingKey: '', arguments: emptyTable })
    }
    expect(bench.publish('amq.fanout', '', 'copy', emptyTable, answers)).toBe('routed')
    await bench.session.durable()
    expect([answers.expected, answers.confirmedSequences]).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ])
    await bench.restart()
    for (const name of ['one', 'two', 'three']) expect((await bench.take(name))?.body).toBe('copy')
  })

  test('publishing where nothing is, or inside, is refused by name', async () => {
    bench = await BrokerBench.open()
    expect(() => bench.publish('nope', 'k', 'x')).toThrow("no exchange 'nope' in vhost '/'")
    expect(bench.publish('', 'nowhere', 'x')).toBe('unroutable')
    expect(() =>
      bench.broker.openSession({ user: 'guest', vhost: 'nope', peer: '', owner: { flow: () => {}, ended: () => {} } }),
    ).toThrow('vhost nope not found')
  })
})
