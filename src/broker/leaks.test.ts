/** What is over must not stay in memory because something that lives on remembers it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { plainFormat, plainProperties } from '../../test/support/broker/plain-format.ts'
import { TestConsumer } from '../../test/support/broker/queue-bench.ts'
import { ManualClock } from '../base/clock.ts'
import { emptyTable, type FieldTable, long, longstr } from '../base/field-value.ts'
import { seededRandom } from '../base/random.ts'
import { BatchFormats } from '../message/batch-format.ts'
import { makeMessage } from '../message/message.ts'
import { MessageFormats } from '../message/message-format.ts'
import { MemoryStorage } from '../storage/engines/memory/memory-storage.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { Broker } from './broker.ts'
import type { Session } from './session.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function openBroker(): Promise<Broker> {
  const formats = new MessageFormats()
  formats.register(plainFormat)
  return Broker.open({
    storage: new MemoryStorage(),
    formats,
    batches: new BatchFormats(),
    clock: new ManualClock(),
    random: seededRandom(1),
    logger: silentLogger,
    messageMemoryBytes: 1 << 20,
    diskFreeBytesMin: 0,
    vhosts: ['/'],
    onFailure: () => {},
  })
}

function connect(broker: Broker): Session {
  const owner = { flow: () => {}, ended: () => {} }
  return broker.openSession({ user: 'guest', vhost: '/', peer: 'test', owner })
}

async function declare(session: Session, name: string, args: FieldTable = emptyTable): Promise<void> {
  await session.declareQueue({ name, durable: false, exclusive: false, autoDelete: false, arguments: args })
}

async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    if (reference.deref() === undefined) return true
  }
  return false
}

async function consumed(session: Session, queue: string): Promise<{ consumer: TestConsumer; cancel: () => void }> {
  const consumer = new TestConsumer()
  const subscription = await session.consume({ queue, exclusive: false, arguments: emptyTable }, consumer)
  subscription.activate()
  return { consumer, cancel: () => subscription.cancel() }
}

test('leaks: a consumer that left a queue without messages', async () => {
  const broker = await openBroker()
  const session = connect(broker)
  await declare(session, 'idle')
  async function comeAndGo(): Promise<WeakRef<object>> {
    const { consumer, cancel } = await consumed(session, 'idle')
    cancel()
    return new WeakRef(consumer)
  }
  expect(await isCollected(await comeAndGo())).toBe(true)
  await broker.close()
})

test('leaks: a session that ended while it waited for room in a full queue', async () => {
  const broker = await openBroker()
  const first = connect(broker)
  const args = new Map([
    ['x-max-length', long(1)],
    ['x-overflow', longstr('block')],
  ])
  await declare(first, 'full', args)
  async function publishAndLeave(): Promise<WeakRef<object>> {
    const session = connect(broker)
    const head = {
      format: plainFormat,
      address: session.address('', 'full'),
      persistent: false,
      priority: undefined,
      publishedMs: 0,
      expirationMs: undefined,
    }
    session.publish(makeMessage(head, plainProperties(emptyTable), Buffer.from('m')), undefined, undefined, 0)
    expect(session.flow.kind).toBe('blocked')
    await session.close()
    return new WeakRef(session)
  }
  expect(await isCollected(await publishAndLeave())).toBe(true)
  await broker.close()
})
