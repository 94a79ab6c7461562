/**
 * The streams of one vhost as protocols see them (`stream-door.ts`). A stream is a queue of the topology, so names are
 * one space with the queues, and records, turns and routing are the vhost's; here are only the checks on streams.
 */
import { Refused } from '../../base/errors.ts'
import { longstr } from '../../base/field-value.ts'
import type { Target } from '../target.ts'
import type { Vhost } from '../topology/vhost.ts'
import type { StreamDefinition } from './stream-definition.ts'
import type { Partition, StreamInfo, StreamSetting, StreamSpec, Streams } from './stream-door.ts'
import { checkConfigs, streamSettings } from './stream-settings.ts'
import type { StreamTable } from './stream-table.ts'

/** Names beyond this are AMQP's alone. */
const NAME = /^[a-zA-Z0-9._-]{1,249}$/
/** A slip of the finger must not make a million logs. */
const PARTITIONS_MAX = 10_000

/** As if it had been declared over AMQP, so that declaring it there again is no contradiction. */
const streamArguments = new Map([['x-queue-type', longstr('stream')]])

export class StreamCatalog implements Streams {
  readonly settings: readonly StreamSetting[] = streamSettings
  readonly #vhost: Vhost<Target>
  readonly #table: StreamTable

  constructor(vhost: Vhost<Target>, table: StreamTable) {
    this.#vhost = vhost
    this.#table = table
  }

  list(): readonly StreamInfo[] {
    const infos: StreamInfo[] = []
    for (const stream of this.#table.of(this.#vhost.name).values()) if (isName(stream.name)) infos.push(stream.info)
    return infos
  }

  find(name: string): StreamInfo | undefined {
    return isName(name) ? this.#table.of(this.#vhost.name).get(name)?.info : undefined
  }

  findById(id: Buffer): StreamInfo | undefined {
    const info = this.#table.byId(this.#vhost.name, id)?.info
    return info !== undefined && isName(info.name) ? info : undefined
  }

  partition(name: string, index: number): Partition | undefined {
    return this.#table.of(this.#vhost.name).get(name)?.partitions[index]
  }

  checkConfigs(configs: ReadonlyMap<string, string>): void {
    checkConfigs(configs)
  }

  async create(spec: StreamSpec): Promise<StreamInfo> {
    if (!isName(spec.name)) throw new Refused('precondition-failed', `'${spec.name}' is no name for a stream`)
    checkPartitionCount(spec.partitionCount)
    checkConfigs(spec.configs)
    const { name, partitionCount, configs, isInternal } = spec
    await this.#vhost.createStream(name, { partitionCount, configs, isInternal: isInternal ?? false }, streamArguments)
    return this.#require(name)
  }

  async delete(name: string): Promise<void> {
    this.#require(name)
    await this.#vhost.deleteQueue(name, { ifUnused: false, ifEmpty: false }, undefined)
  }

  async addPartitions(name: string, partitionCount: number): Promise<StreamInfo> {
    checkPartitionCount(partitionCount)
    this.#require(name)
    await this.#vhost.changeStream(name, async (stream, nextId) => {
      const partitionIds = [...stream.partitionIds]
      if (partitionCount <= partitionIds.length) {
        throw new Refused('precondition-failed', `stream '${name}' has ${partitionIds.length} partitions already`)
      }
      while (partitionIds.length < partitionCount) partitionIds.push(await nextId())
      return { ...stream, partitionIds }
    })
    return this.#require(name)
  }

  async setConfigs(name: string, configs: ReadonlyMap<string, string>): Promise<StreamInfo> {
    checkConfigs(configs)
    this.#require(name)
    await this.#vhost.changeStream(name, (stream): StreamDefinition => ({ ...stream, configs: new Map(configs) }))
    return this.#require(name)
  }

  #require(name: string): StreamInfo {
    const info = this.find(name)
    if (info === undefined) throw new Refused('not-found', `no stream '${name}' in vhost '${this.#vhost.name}'`)
    return info
  }
}

function isName(name: string): boolean {
  return NAME.test(name) && name !== '.' && name !== '..'
}

function checkPartitionCount(count: number): void {
  if (Number.isInteger(count) && count > 0 && count <= PARTITIONS_MAX) return
  throw new Refused('precondition-failed', `a stream has 1 to ${PARTITIONS_MAX} partitions, not ${count}`)
}
