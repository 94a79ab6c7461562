/**
 * One store of delayed messages a vhost. The log each writes to is a number like a queue's, kept in the metadata:
 *
 *     delays/<vhost>     {"id": n}
 */
import { invariant, StorageError } from '../../base/errors.ts'
import type { MetaStore } from '../../storage/contract.ts'
import { LANES_PER_QUEUE } from '../queues/queue-definition.ts'
import { QueueIds } from '../topology/queue-ids.ts'
import { escaped } from '../topology/records.ts'
import { DelayStore, type DelayStoreDeps } from './delay-store.ts'

export class DelayStores {
  readonly #meta: MetaStore
  readonly #ids: QueueIds
  readonly #byVhost = new Map<string, DelayStore>()
  readonly #byId = new Map<number, DelayStore>()

  constructor(meta: MetaStore) {
    this.#meta = meta
    this.#ids = new QueueIds(meta)
  }

  /** Opens the store of a vhost, making its record the first time. @throws {StorageError} */
  async open(vhost: string, deps: Omit<DelayStoreDeps, 'log'>): Promise<DelayStore> {
    const known = this.#byVhost.get(vhost)
    if (known !== undefined) return known
    const id = await this.#idOf(`delays/${escaped(vhost)}`)
    const store = new DelayStore({ ...deps, log: id * LANES_PER_QUEUE })
    this.#byVhost.set(vhost, store)
    this.#byId.set(id, store)
    return store
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
  get(vhost: string): DelayStore {
    const store = this.#byVhost.get(vhost)
    invariant(store !== undefined, `no store of delayed messages for vhost '${vhost}'`)
    return store
  }

  byId(id: number): DelayStore | undefined {
    return this.#byId.get(id)
  }

  all(): IterableIterator<DelayStore> {
    return this.#byVhost.values()
  }
}
