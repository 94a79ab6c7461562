/** The groups of one vhost on a real engine, which can be shut and opened again. */
import { type World, worlds } from '../../../test/conformance/engines.ts'
import { ManualClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { Journal, Storage } from '../../storage/contract.ts'
import { Shard } from '../shard.ts'
import type { GroupCoordinator } from './coordinator.ts'
import { GroupCoordinators } from './group-coordinators.ts'
import type { CommitAnswer, CommitRequest, PartitionOffset } from './group-door.ts'
import { defaultGroupSettings, type GroupSettings } from './group-settings.ts'

/** Offsets must survive on what forgets nothing, and on what moves its files all the time. */
export const groupWorlds = worlds.filter(({ name }) => name === 'memory' || name === 'local, small files')

export class CoordinatorBench {
  readonly clock = new ManualClock()
  readonly world: World
  readonly settings: GroupSettings
  /** Those there are after a restart. */
  readonly streams = new Set(['jobs', 'logs', 'mails'])
  storage!: Storage
  journal!: Journal
  groups!: GroupCoordinator
  #coordinators!: GroupCoordinators

  static async open(world: World, settings: Partial<GroupSettings> = {}): Promise<CoordinatorBench> {
    const bench = new CoordinatorBench(world, settings)
    bench.storage = await world.open()
    await bench.#start()
    return bench
  }

  private constructor(world: World, settings: Partial<GroupSettings>) {
    this.world = world
    this.settings = { ...defaultGroupSettings, initialRebalanceDelayMs: 0, ...settings }
  }

  async #start(): Promise<void> {
    this.journal = await this.storage.claim(0)
    const shard: Shard = new Shard(this.journal, (log) => this.#coordinators.logOwner(log))
    this.#coordinators = new GroupCoordinators(this.storage.meta)
    const { clock, settings } = this
    this.groups = await this.#coordinators.open('/', { shard, clock, random: seededRandom(3), settings })
    await shard.replay()
    this.groups.recovered((stream) => this.streams.has(stream))
  }

  async restart(): Promise<void> {
    this.groups.close()
    await this.journal.close()
    this.storage = await this.world.reopen(this.storage)
    await this.#start()
  }

  /** Everything said so far is durable. */
  async settled(): Promise<void> {
    while (this.journal.committed < this.journal.appended) await new Promise((resolve) => setImmediate(resolve))
  }

  async close(): Promise<void> {
    this.groups.close()
    await this.journal.close()
    await this.storage.close()
    this.world.destroy()
  }

  /** Every log of groups writes its whole state, as when space is reclaimed. */
  snapshotAll(): void {
    for (const { key, value } of this.storage.meta.list('groups/')) {
      if (key === '') continue
      const { id, slots } = JSON.parse(value) as { id: number; slots: number }
      for (let log = id * 256; log < id * 256 + slots; log++) this.#coordinators.logOwner(log)?.writeSnapshot(log)
    }
  }

  commit(
    group: string,
    offsets: Readonly<Record<string, number>>,
    more: Partial<CommitRequest> = {},
  ): Promise<CommitAnswer> {
    const request = { group, memberId: '', instanceId: undefined, generation: -1, retentionMs: undefined }
    return this.groups.commitOffsets({ ...request, ...more, offsets: more.offsets ?? offsetsOf(offsets) })
  }

  stage(group: string, producerId: number, offsets: Readonly<Record<string, number>>): Promise<CommitAnswer> {
    const claim = { memberId: '', instanceId: undefined, generation: -1 }
    return this.groups.stageOffsets({ group, producerId, ...claim, offsets: offsetsOf(offsets) })
  }

  /** All of a group, as `{'stream 0': 7}`. */
  committed(group: string): Record<string, number> {
    const entries = this.groups
      .fetchOffsets(group, undefined)
      .flatMap(({ stream, partitions }) =>
        partitions.map(({ partition, offset }): [string, number] => [`${stream} ${partition}`, offset]),
      )
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  isUnstable(group: string, stream: string, partition: number): boolean {
    const [fetched] = this.groups.fetchOffsets(group, [{ stream, partitions: [partition] }])
    return fetched?.partitions[0]?.isUnstable === true
  }
}

/** `{'stream 0': 7}` */
export function offsetsOf(offsets: Readonly<Record<string, number>>): PartitionOffset[] {
  return Object.entries(offsets).map(([name, offset]) => {
    const [stream = '', partition] = name.split(' ')
    return { stream, partition: Number(partition), offset, leaderEpoch: -1, metadata: '' }
  })
}
