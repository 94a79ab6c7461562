/** What the configs of a topic say about the batches it takes, read once per change of them. */
import type { StreamInfo, Streams } from '../../broker/streams/stream-door.ts'

export interface TopicRules {
  readonly batchBytesMax: number
  readonly isLogAppendTime: boolean
  readonly timestampBeforeMsMax: number
  readonly timestampAfterMsMax: number
  /** Compaction goes by key, so every record has one. */
  readonly needsKeys: boolean
}

/** A stream's description is a new object after every change. */
const known = new WeakMap<StreamInfo, TopicRules>()

export function rulesOf(stream: StreamInfo, streams: Streams): TopicRules {
  const before = known.get(stream)
  if (before !== undefined) return before
  const configOf = (name: string): string =>
    stream.configs.get(name) ?? streams.settings.find((setting) => setting.name === name)?.default ?? ''
  const rules: TopicRules = {
    batchBytesMax: Number(configOf('max.message.bytes')),
    isLogAppendTime: configOf('message.timestamp.type') === 'LogAppendTime',
    timestampBeforeMsMax: Number(configOf('message.timestamp.before.max.ms')),
    timestampAfterMsMax: Number(configOf('message.timestamp.after.max.ms')),
    needsKeys: configOf('cleanup.policy')
      .split(',')
      .some((policy) => policy.trim() === 'compact'),
  }
  known.set(stream, rules)
  return rules
}
