/** For tests of the topology: queues that hold nothing, sessions that are only somebody, a broker's vhosts over memory. */
import { emptyTable, type FieldTable, type FieldValue } from '../../base/field-value.ts'
import { seededRandom } from '../../base/random.ts'
import type { MetaStore } from '../../storage/contract.ts'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import type { ManagedQueue, QueueDefinition, QueueEndWish } from '../queues/queue-definition.ts'
import { plainMessage } from '../routing/test-kit.ts'
import type { BindingSpec, ExchangeSpec, QueueSpec, Session } from '../session.ts'
import type { Vhost } from './vhost.ts'
import { Vhosts } from './vhosts.ts'

export class FakeQueue implements ManagedQueue {
  readonly definition: QueueDefinition
  readonly owner: Session | undefined
  readonly wish: (wish: QueueEndWish) => void
  readyCount = 0
  consumerCount = 0
  touchCount = 0
  endCount = 0

  constructor(
    definition: QueueDefinition,
    owner: Session | undefined,
    onEndWish: (queue: FakeQueue, wish: QueueEndWish) => void,
  ) {
    this.definition = definition
    this.owner = owner
    this.wish = (wish) => onEndWish(this, wish)
  }

  touch(): void {
    this.touchCount++
  }

  end(): void {
    this.endCount++
  }
}

/** The topology asks nothing of a session but who it is. */
export function testSession(): Session {
  return Object.create(null)
}

/** One broker's vhosts. Several over the same metadata are several brokers, or one before and after a restart. */
export class TestBroker {
  readonly meta: MetaStore
  readonly vhosts: Vhosts<FakeQueue>
  readonly made: FakeQueue[] = []
  readonly failures: unknown[] = []
  readonly warnings: string[] = []

  constructor(meta: MetaStore = new MemoryStorage().meta, seed = 1) {
    this.meta = meta
    this.vhosts = new Vhosts<FakeQueue>({
      meta,
      queues: {
        create: (definition, owner, onEndWish) => {
          const queue = new FakeQueue(definition, owner, onEndWish)
          this.made.push(queue)
          return queue
        },
      },
      random: seededRandom(seed),
      log: { ...silentLogger, warn: (message) => this.warnings.push(message) },
      failed: (error) => this.failures.push(error),
    })
    this.vhosts.recover()
  }

  /** The default vhost. */
  get vhost(): Vhost<FakeQueue> {
    return this.vhosts.get('/')
  }

  keys(prefix = ''): string[] {
    return this.meta.list(prefix).map((entry) => entry.key)
  }
}

export async function openVhost(): Promise<{ broker: TestBroker; vhost: Vhost<FakeQueue> }> {
  const broker = new TestBroker()
  return { broker, vhost: await broker.vhosts.create('/') }
}

export const tableOf = (entries: Record<string, FieldValue>): FieldTable => new Map(Object.entries(entries))

export function queueSpec(name: string, more: Partial<QueueSpec> = {}): QueueSpec {
  return { name, durable: false, exclusive: false, autoDelete: false, arguments: emptyTable, ...more }
}

export function exchangeSpec(name: string, more: Partial<ExchangeSpec> = {}): ExchangeSpec {
  return { name, type: 'direct', durable: false, autoDelete: false, internal: false, arguments: emptyTable, ...more }
}

export function bindingSpec(source: string, destination: string, routingKey = '', args = emptyTable): BindingSpec {
  return { source, destination, routingKey, arguments: args }
}

/** The names of the queues a message to `exchange` reaches, in order. */
export function reached(vhost: Vhost<FakeQueue>, exchange: string, routingKey = ''): string[] {
  const queues = vhost.route(vhost.requireExchange(exchange), routingKey, undefined, plainMessage)
  return queues.map((queue) => queue.definition.name).sort()
}

export const exchangeNames = (vhost: Vhost<FakeQueue>): string[] =>
  [...vhost.exchanges()].map((exchange) => exchange.name).filter((name) => name !== '' && !name.startsWith('amq.'))

/** What everything begun so far in memory needs to come through. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
}

/** The refusal a call ends in: 'reason: message'. */
export async function refusal(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return `${error.reason}: ${error.message}`
    throw error
  }
  return 'accepted'
}
