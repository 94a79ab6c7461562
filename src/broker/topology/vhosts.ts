/**
 * The vhosts there are, as the metadata says: one made or deleted by another broker comes and goes here too. Nothing
 * in here closes connections: whoever deletes a vhost sees to its sessions first.
 */
import { invariant, Refused } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { MetaStore } from '../../storage/contract.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { isConflict, overtaken } from '../id-blocks.ts'
import type { ManagedQueue, QueueFactory } from '../queues/queue-definition.ts'
import { QueueIds } from './queue-ids.ts'
import { unescaped, VHOST_PREFIX, vhostKey } from './records.ts'
import { Turns } from './turns.ts'
import { type TopologyEnvironment, Vhost } from './vhost.ts'

export interface VhostsOptions<Q extends ManagedQueue> {
  readonly meta: MetaStore
  readonly queues: QueueFactory<Q>
  readonly random: Random
  readonly log: Logger
  /** A change nobody waits for (an auto-delete, an expiry) could not be stored. */
  failed(error: unknown): void
}

export class Vhosts<Q extends ManagedQueue> {
  readonly #environment: TopologyEnvironment<Q>
  readonly #byName = new Map<string, Vhost<Q>>()
  readonly #turns = new Turns()
  #stop: (() => void) | undefined

  constructor(options: VhostsOptions<Q>) {
    const { meta, queues, random, log } = options
    this.#environment = {
      meta,
      queues,
      random,
      log,
      queueIds: new QueueIds(meta),
      failed: (error) => options.failed(error),
    }
  }

  /**
   * Rebuilds every vhost with its queues, through the factory. Once, first.
   * @throws {StorageError} 'damaged', 'newer-format'
   */
  recover(): void {
    const { meta } = this.#environment
    invariant(this.#stop === undefined, 'vhosts are recovered once')
    for (const { key } of meta.list(VHOST_PREFIX)) this.#open(key)
    this.#stop = meta.watch(VHOST_PREFIX, (change) => {
      if (change.kind === 'put') this.#open(change.entry.key)
      else this.#shut(change.key)
    })
  }

  /** One that is there already is returned. @throws {StorageError} */
  async create(name: string): Promise<Vhost<Q>> {
    const { meta } = this.#environment
    return this.#turns.run([name], [], async () => {
      const key = vhostKey(name)
      while (!this.#byName.has(name)) {
        try {
          await meta.put(key, '{}', 0)
        } catch (error) {
          if (!isConflict(error)) throw error
          await overtaken(meta, key, undefined)
        }
      }
      return this.get(name)
    })
  }

  find(name: string): Vhost<Q> | undefined {
    return this.#byName.get(name)
  }

  /** @throws {Refused} 'not-allowed' */
  get(name: string): Vhost<Q> {
    const vhost = this.#byName.get(name)
    if (vhost === undefined) throw new Refused('not-allowed', `vhost ${name} not found`)
    return vhost
  }

  all(): IterableIterator<Vhost<Q>> {
    return this.#byName.values()
  }

  /**
   * Deletes a vhost with all that is in it; a missing one is no error. Its content goes first: were the vhost's own
   * record gone and some content left after a crash, a new vhost of that name would find it.
   */
  async delete(name: string): Promise<void> {
    await this.#turns.run([name], [], async () => {
      await this.#byName.get(name)?.clear()
      await this.#environment.meta.delete(vhostKey(name))
    })
  }

  /** Follows the metadata no longer. Queues are left to whoever stops the broker. */
  close(): void {
    this.#stop?.()
    for (const vhost of this.#byName.values()) vhost.close()
  }

  #open(key: string): void {
    const name = unescaped(key.slice(VHOST_PREFIX.length))
    if (this.#byName.has(name)) return
    const vhost = new Vhost<Q>(name, this.#environment)
    vhost.recover()
    this.#byName.set(name, vhost)
  }

  #shut(key: string): void {
    const name = unescaped(key.slice(VHOST_PREFIX.length))
    this.#byName.get(name)?.close()
    this.#byName.delete(name)
  }
}
