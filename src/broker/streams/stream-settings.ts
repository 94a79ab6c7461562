/**
 * Every setting a stream has: Kafka's topic configs, with the types, defaults and limits of Kafka 4.3, and our own. What this broker
 * does not act on (replication, file handling, tiered storage) is taken and given back, as a client that reads, changes
 * and writes configs expects.
 */
import { Refused } from '../../base/errors.ts'
import type { Partitioner } from './partition-choice.ts'
import type { StreamSetting } from './stream-door.ts'

type Kind = StreamSetting['type']

interface Setting extends StreamSetting {
  /** What is wrong with a value of the right type; undefined when nothing is. */
  readonly check: ((value: string) => string | undefined) | undefined
}

const LONG_MAX = 9_223_372_036_854_775_807n
const INT_MAX = 2_147_483_647n
const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS

function setting(name: string, type: Kind, byDefault: string | number, meaning: string, check?: Setting['check']) {
  return { name, type, default: String(byDefault), meaning, check } satisfies Setting
}

const atLeast =
  (least: bigint) =>
  (value: string): string | undefined =>
    BigInt(value) < least ? `Value must be at least ${least}` : undefined

const ratio = (value: string): string | undefined =>
  Number(value) < 0 || Number(value) > 1 ? 'Value must be between 0 and 1' : undefined

const oneOf =
  (...known: string[]) =>
  (value: string): string | undefined =>
    known.includes(value) ? undefined : `String must be one of: ${known.join(', ')}`

const policies = (value: string): string | undefined =>
  listOf(value).every((policy) => policy === 'compact' || policy === 'delete')
    ? undefined
    : 'String must be one of: compact, delete'

/** '*', or partition:broker pairs. */
const throttledReplicas = (value: string): string | undefined =>
  value === '' || value === '*' || /^\d+:\d+(,\d+:\d+)*$/.test(value)
    ? undefined
    : 'Must be the literal "*" or a list of partition:broker pairs'

const zero = atLeast(0n)
const minusTwo = atLeast(-2n)

const table: readonly Setting[] = [
  setting(
    'busbar.partitioner',
    'string',
    'murmur2',
    'how exchanges choose a partition by key: as Kafka producers do, or so that few keys move when partitions are added',
    oneOf('murmur2', 'consistent'),
  ),
  setting('cleanup.policy', 'list', 'delete', 'delete old records, compact by key, both, or neither', policies),
  setting('compression.gzip.level', 'int', -1, 'unused: batches are kept as they come', gzipLevel),
  setting('compression.lz4.level', 'int', 9, 'unused: batches are kept as they come', between(1n, 17n)),
  setting(
    'compression.type',
    'string',
    'producer',
    'how batches are kept; they are kept as they come',
    oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'),
  ),
  setting('compression.zstd.level', 'int', 3, 'unused: batches are kept as they come', between(-131072n, 22n)),
  setting('delete.retention.ms', 'long', DAY_MS, 'how long compaction keeps a deletion of a key', zero),
  setting('file.delete.delay.ms', 'long', 60_000, 'unused: storage frees space by itself', zero),
  setting('flush.messages', 'long', LONG_MAX.toString(), 'unused: every batch is flushed', atLeast(1n)),
  setting('flush.ms', 'long', LONG_MAX.toString(), 'unused: every batch is flushed', zero),
  setting('follower.replication.throttled.replicas', 'list', '', 'unused: no replicas here', throttledReplicas),
  setting('index.interval.bytes', 'int', 4096, 'unused: the index grows with the log', zero),
  setting('leader.replication.throttled.replicas', 'list', '', 'unused: no replicas here', throttledReplicas),
  setting('local.retention.bytes', 'long', -2, 'unused: no tiered storage', minusTwo),
  setting('local.retention.ms', 'long', -2, 'unused: no tiered storage', minusTwo),
  setting('max.compaction.lag.ms', 'long', LONG_MAX.toString(), 'compaction happens at the latest then', atLeast(1n)),
  setting('max.message.bytes', 'int', 1_048_588, 'the largest batch taken', zero),
  setting('message.timestamp.after.max.ms', 'long', 3_600_000, 'how far ahead a timestamp may be', zero),
  setting('message.timestamp.before.max.ms', 'long', LONG_MAX.toString(), 'how old a timestamp may be', zero),
  setting(
    'message.timestamp.type',
    'string',
    'CreateTime',
    'whose clock stamps a record',
    oneOf('CreateTime', 'LogAppendTime'),
  ),
  setting('min.cleanable.dirty.ratio', 'double', '0.5', 'the uncompacted part from which compaction pays', ratio),
  setting('min.compaction.lag.ms', 'long', 0, 'records younger than this are not compacted', zero),
  setting('min.insync.replicas', 'int', 1, 'unused: one owner writes', atLeast(1n)),
  setting('preallocate', 'boolean', 'false', 'unused: storage has its own files'),
  setting('remote.log.copy.disable', 'boolean', 'false', 'unused: no tiered storage'),
  setting('remote.log.delete.on.disable', 'boolean', 'false', 'unused: no tiered storage'),
  setting('remote.storage.enable', 'boolean', 'false', 'tiered storage; there is none'),
  setting('retention.bytes', 'long', -1, 'bytes kept per partition; -1: no limit'),
  setting('retention.ms', 'long', WEEK_MS, 'how long records are kept; -1: for ever', atLeast(-1n)),
  setting('segment.bytes', 'int', 1_073_741_824, 'the size of what retention removes at once', atLeast(14n)),
  setting('segment.index.bytes', 'int', 10_485_760, 'unused: the index has no file', atLeast(4n)),
  setting('segment.jitter.ms', 'long', 0, 'unused: segments cost nothing to begin', zero),
  setting('segment.ms', 'long', WEEK_MS, 'the time that retention removes at once', atLeast(1n)),
  setting('unclean.leader.election.enable', 'boolean', 'false', 'unused: no replicas here'),
]

const byName: ReadonlyMap<string, Setting> = new Map(table.map((one) => [one.name, one]))

export const streamSettings: readonly StreamSetting[] = table.map(({ name, type, default: byDefault, meaning }) => ({
  name,
  type,
  default: byDefault,
  meaning,
}))

/** @throws {Refused} 'precondition-failed' at the first unknown name or bad value */
export function checkConfigs(configs: ReadonlyMap<string, string>): void {
  for (const [name, value] of configs) {
    const known = byName.get(name)
    if (known === undefined) throw new Refused('precondition-failed', `Unknown topic config name: ${name}`)
    const problem = typeProblem(known.type, value) ?? known.check?.(value)
    if (problem !== undefined) {
      throw new Refused('precondition-failed', `Invalid value ${value} for configuration ${name}: ${problem}`)
    }
  }
}

function typeProblem(type: Kind, value: string): string | undefined {
  switch (type) {
    case 'boolean':
      return value === 'true' || value === 'false' ? undefined : 'Expected value to be either true or false'
    case 'int':
      return isWhole(value, INT_MAX) ? undefined : 'Not a number of type INT'
    case 'long':
      return isWhole(value, LONG_MAX) ? undefined : 'Not a number of type LONG'
    case 'double':
      return value.trim() !== '' && Number.isFinite(Number(value)) ? undefined : 'Not a number of type DOUBLE'
    default:
      return undefined
  }
}

function isWhole(value: string, max: bigint): boolean {
  if (!/^[+-]?\d{1,19}$/.test(value)) return false
  const number = BigInt(value.replace('+', ''))
  return number <= max && number >= -max - 1n
}

function between(least: bigint, most: bigint): (value: string) => string | undefined {
  return (value) =>
    BigInt(value) < least || BigInt(value) > most ? `Value must be between ${least} and ${most}` : undefined
}

function gzipLevel(value: string): string | undefined {
  return value === '-1' ? undefined : between(1n, 9n)(value)
}

function listOf(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** The settings the broker core acts on, read once per change. Times and sizes without a limit are Infinity. */
export interface KeepingRules {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly deletes: boolean
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly compacts: boolean
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minDirtyRatio: number
  readonly deleteRetentionMs: number
}

/** Of configs that were checked. */
export function keepingRules(configs: ReadonlyMap<string, string>): KeepingRules {
  const number = (name: string): number => Number(configOf(configs, name))
  const limit = (name: string): number => (number(name) < 0 ? Number.POSITIVE_INFINITY : number(name))
  const policy = listOf(configOf(configs, 'cleanup.policy'))
  return {
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    deletes: policy.includes('delete'),
    retentionMs: limit('retention.ms'),
    retentionBytes: limit('retention.bytes'),
    compacts: policy.includes('compact'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    minDirtyRatio: number('min.cleanable.dirty.ratio'),
    deleteRetentionMs: number('delete.retention.ms'),
  }
}

export function partitionerOf(configs: ReadonlyMap<string, string>): Partitioner {
  return configOf(configs, 'busbar.partitioner') === 'consistent' ? 'consistent' : 'murmur2'
}

/** What was set, else the default. */
export function configOf(configs: ReadonlyMap<string, string>, name: string): string {
  return configs.get(name) ?? byName.get(name)?.default ?? ''
}
