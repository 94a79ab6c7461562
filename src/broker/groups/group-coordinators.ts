/**
 * One coordinator of groups a vhost. The logs it writes to are numbers like a queue's, kept in the metadata with how many
 * of them are used, because a group must be found in the same log for ever:
 *
 *     groups/<vhost>     {"id": n, "slots": n}
 */
import { invariant, StorageError } from '../../base/errors.ts'
import type { MetaStore } from '../../storage/contract.ts'
import { LANES_PER_QUEUE } from '../queues/queue-definition.ts'
import type { LogOwner } from '../shard.ts'
import { QueueIds } from '../topology/queue-ids.ts'
import { escaped } from '../topology/records.ts'
import { GroupCoordinator, type GroupCoordinatorDeps } from './coordinator.ts'

/** Of a vhost made from now on. */
const SLOTS = 32

interface GroupLogs {
  readonly id: number
  readonly slots: number
}

export class GroupCoordinators {
  readonly #meta: MetaStore
  readonly #ids: QueueIds
  readonly #byVhost = new Map<string, GroupCoordinator>()
  readonly #byId = new Map<number, GroupCoordinator>()

  constructor(meta: MetaStore) {
    this.#meta = meta
    this.#ids = new QueueIds(meta)
  }

  /** Opens the coordinator of a vhost, making its record the first time. @throws {StorageError} */
  async open(vhost: string, deps: Omit<GroupCoordinatorDeps, 'firstLog' | 'slotCount'>): Promise<GroupCoordinator> {
    const known = this.#byVhost.get(vhost)
    if (known !== undefined) return known
    const { id, slots } = await this.#logsOf(`groups/${escaped(vhost)}`)
    const coordinator = new GroupCoordinator({ ...deps, firstLog: id * LANES_PER_QUEUE, slotCount: slots })
    this.#byVhost.set(vhost, coordinator)
    this.#byId.set(id, coordinator)
    return coordinator
  }

  async #logsOf(key: string): Promise<GroupLogs> {
    const entry = this.#meta.get(key)
    if (entry === undefined) {
      const logs: GroupLogs = { id: await this.#ids.next(), slots: SLOTS }
      await this.#meta.put(key, JSON.stringify(logs), 0)
      return logs
    }
    const { id, slots } = JSON.parse(entry.value) as { id?: unknown; slots?: unknown }
    if (typeof id === 'number' && typeof slots === 'number' && slots > 0 && slots <= LANES_PER_QUEUE) {
      return { id, slots }
    }
    throw new StorageError('damaged', `metadata ${key} does not say where the groups are`)
  }

  /** @throws {InvariantError} for a vhost that was not opened */
  get(vhost: string): GroupCoordinator {
    const coordinator = this.#byVhost.get(vhost)
    invariant(coordinator !== undefined, `no groups for vhost '${vhost}'`)
    return coordinator
  }

  find(vhost: string): GroupCoordinator | undefined {
    return this.#byVhost.get(vhost)
  }

  logOwner(log: number): LogOwner | undefined {
    return this.#byId.get(Math.floor(log / LANES_PER_QUEUE))?.logOwner(log)
  }

  /** With the names of their vhosts. */
  all(): IterableIterator<[string, GroupCoordinator]> {
    return this.#byVhost.entries()
  }
}
