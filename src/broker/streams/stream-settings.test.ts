import { expect, test } from 'vitest'
import { checkConfigs, keepingRules, streamSettings } from './stream-settings.ts'

const check = (name: string, value: string) => () => checkConfigs(new Map([[name, value]]))

test('stream settings: every default is a value that is taken, and every setting is told once', () => {
  for (const { name, default: value } of streamSettings) expect(check(name, value)).not.toThrow()
  const names = streamSettings.map((setting) => setting.name)
  expect(names).toEqual(names.toSorted())
  expect(new Set(names).size).toBe(names.length)
})

test.each([
  ['retention.ms', 'soon', 'Not a number of type LONG'],
  ['retention.ms', '9223372036854775808', 'Not a number of type LONG'],
  ['retention.ms', '-2', 'at least -1'],
  ['segment.bytes', '2147483648', 'Not a number of type INT'],
  ['segment.bytes', '13', 'at least 14'],
  ['segment.bytes', '1e6', 'Not a number of type INT'],
  ['min.cleanable.dirty.ratio', '1.5', 'between 0 and 1'],
  ['min.cleanable.dirty.ratio', '', 'Not a number of type DOUBLE'],
  ['preallocate', 'yes', 'true or false'],
  ['cleanup.policy', 'compact,burn', 'compact, delete'],
  ['message.timestamp.type', 'createtime', 'CreateTime, LogAppendTime'],
  ['compression.type', 'brotli', 'gzip'],
  ['compression.gzip.level', '0', 'between 1 and 9'],
  ['leader.replication.throttled.replicas', '1-2', 'pairs'],
  ['no.such.thing', '1', 'Unknown topic config name: no.such.thing'],
])('stream settings: %s = %s is refused', (name, value, why) => {
  expect(check(name, value)).toThrow(why)
})

test('stream settings: what the broker acts on, with its defaults and without limits', () => {
  expect(keepingRules(new Map())).toEqual({
    segmentBytes: 1_073_741_824,
    segmentMs: 604_800_000,
    deletes: true,
    retentionMs: 604_800_000,
    retentionBytes: Number.POSITIVE_INFINITY,
    compacts: false,
    minCompactionLagMs: 0,
    maxCompactionLagMs: 2 ** 63,
    minDirtyRatio: 0.5,
    deleteRetentionMs: 86_400_000,
  })
  const rules = keepingRules(
    new Map([
      ['cleanup.policy', 'compact, delete'],
      ['retention.ms', '-1'],
    ]),
  )
  expect(rules).toMatchObject({ deletes: true, compacts: true, retentionMs: Number.POSITIVE_INFINITY })
  expect(keepingRules(new Map([['cleanup.policy', '']]))).toMatchObject({ deletes: false, compacts: false })
})
