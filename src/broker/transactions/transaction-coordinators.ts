/**
 * One coordinator of transactions a vhost. The log each writes to is a number like a queue's, kept in the metadata:
 *
 *     transactions/<vhost>     {"id": n}
 */
import { invariant, StorageError } from '../../base/errors.ts'
import type { MetaStore } from '../../storage/contract.ts'
import type { IdBlocks } from '../id-blocks.ts'
import { LANES_PER_QUEUE } from '../queues/queue-definition.ts'
import type { LogOwner } from '../shard.ts'
import { QueueIds } from '../topology/queue-ids.ts'
import { escaped } from '../topology/records.ts'
import { TransactionCoordinator, type TransactionCoordinatorDeps } from './coordinator.ts'
import { producerIds } from './producer-ids.ts'

export class TransactionCoordinators {
  readonly #meta: MetaStore
  readonly #ids: QueueIds
  /** One for all vhosts: a partition knows a producer by its id alone. */
  readonly #producerIds: IdBlocks
  readonly #byVhost = new Map<string, TransactionCoordinator>()
  readonly #byId = new Map<number, TransactionCoordinator>()

  constructor(meta: MetaStore) {
    this.#meta = meta
    this.#ids = new QueueIds(meta)
    this.#producerIds = producerIds(meta)
  }

  /** Opens the coordinator of a vhost, making its record the first time. @throws {StorageError} */
  async open(vhost: string, deps: Omit<TransactionCoordinatorDeps, 'log' | 'nextProducerId'>): Promise<void> {
    if (this.#byVhost.has(vhost)) return
    const id = await this.#idOf(`transactions/${escaped(vhost)}`)
    const nextProducerId = (): Promise<number> => this.#producerIds.next()
    const coordinator = new TransactionCoordinator({ ...deps, log: id * LANES_PER_QUEUE, nextProducerId })
    this.#byVhost.set(vhost, coordinator)
    this.#byId.set(id, coordinator)
  }

  async #idOf(key: string): Promise<number> {
    const entry = this.#meta.get(key)
    if (entry === undefined) {
      const id = await this.#ids.next()
      await this.#meta.put(key, JSON.stringify({ id }), 0)
      return id
    }
    const id: unknown = (JSON.parse(entry.value) as { id?: unknown }).id
    if (typeof id !== 'number') throw new StorageError('damaged', `metadata ${key} holds no id`)
    return id
  }

  /** @throws {InvariantError} for a vhost that was not opened */
  get(vhost: string): TransactionCoordinator {
    const coordinator = this.#byVhost.get(vhost)
    invariant(coordinator !== undefined, `no transactions for vhost '${vhost}'`)
    return coordinator
  }

  logOwner(log: number): LogOwner | undefined {
    return this.#byId.get(Math.floor(log / LANES_PER_QUEUE))?.logOwner
  }

  /** After replay, when partitions and groups are there. */
  recovered(): void {
    for (const coordinator of this.#byVhost.values()) coordinator.recovered()
  }

  close(): void {
    for (const coordinator of this.#byVhost.values()) coordinator.close()
  }
}
