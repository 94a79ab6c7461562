import { expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { decodeEntry, decodeSnapshot, encodeEntry, encodeSnapshot, type GroupEntry } from './group-entries.ts'

const offset = { stream: 'jobs', partition: 2, offset: 300, leaderEpoch: 0, metadata: 'm', committedMs: 1000 }
const offsets = [
  { ...offset, expiresMs: 0 },
  { ...offset, stream: 'a', offset: -2, leaderEpoch: -1, metadata: '', expiresMs: 128 },
]

const membership = {
  generation: 3,
  protocolType: 'consumer',
  protocol: 'range',
  leader: 'm1',
  emptySinceMs: 0,
  members: [
    {
      id: 'm1',
      instanceId: 'i',
      clientId: 'c',
      clientHost: '/h',
      sessionTimeoutMs: 6000,
      rebalanceTimeoutMs: 1,
      protocols: [
        { name: 'range', metadata: Buffer.of(1, 2), streams: ['jobs', 'logs'] },
        { name: 'x', metadata: Buffer.of(), streams: undefined },
      ],
      assignment: Buffer.of(9),
    },
    {
      id: 'm2',
      instanceId: undefined,
      clientId: '',
      clientHost: '',
      sessionTimeoutMs: 1,
      rebalanceTimeoutMs: 2,
      protocols: [],
      assignment: Buffer.of(),
    },
  ],
}

/** What is in old data directories: these bytes never change their meaning. */
const golden: readonly { entry: GroupEntry; hex: string }[] = [
  {
    entry: { kind: 'offsets', group: 'g', offsets },
    hex: '01 0167 02 046a6f6273 01 02 d804 01 016d e807 00 0161 01 02 03 00 00 e807 8001',
  },
  {
    entry: { kind: 'members', group: 'g', membership },
    hex: `02 0167 03 08636f6e73756d6572 0572616e6765 026d31 00 02
      026d31 01 0169 0163 022f68 f02e 01 02 0572616e6765 02 0102 01 02 046a6f6273 046c6f6773 0178 00 00 01 09
      026d32 00 00 00 01 02 00 00`,
  },
  { entry: { kind: 'removed', group: 'gé' }, hex: '03 0367c3a9' },
  {
    entry: { kind: 'forgotten', group: 'g', partitions: [{ stream: 'jobs', partition: 200 }] },
    hex: '04 0167 01 046a6f6273 01 c801',
  },
  {
    entry: { kind: 'staged', group: 'g', producerId: 1000, offsets: offsets.slice(0, 1) },
    hex: '05 0167 e807 01 046a6f6273 01 02 d804 01 016d e807 00',
  },
  { entry: { kind: 'ended', group: 'g', producerId: 0, outcome: 'commit' }, hex: '06 0167 00 01' },
  { entry: { kind: 'ended', group: 'g', producerId: 0, outcome: 'abort' }, hex: '06 0167 00 00' },
]

test.each(golden)('an entry of kind $entry.kind has its bytes, both ways', ({ entry, hex }) => {
  const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex')
  expect(encodeEntry(entry).toString('hex')).toBe(bytes.toString('hex'))
  expect(decodeEntry(bytes)).toEqual(entry)
})

test.each(golden)('an entry of kind $entry.kind that is cut anywhere is damaged', ({ entry }) => {
  const bytes = encodeEntry(entry)
  for (let end = 0; end < bytes.length; end++) {
    expect(() => decodeEntry(bytes.subarray(0, end)), `cut at ${end}`).toThrow(StorageError)
  }
})

test('a snapshot is the entries one after the other', () => {
  const entries = golden.map(({ entry }) => encodeEntry(entry))
  const snapshot = encodeSnapshot(entries)
  expect(snapshot[0]).toBe(1)
  expect(decodeSnapshot(snapshot).map(decodeEntry)).toEqual(golden.map(({ entry }) => entry))
  expect(decodeSnapshot(encodeSnapshot([]))).toEqual([])
})

test('what a newer version wrote is refused by name', () => {
  expect(() => decodeEntry(Buffer.from('070167', 'hex'))).toThrow(/unknown entry 7 in a log of groups/)
  expect(() => decodeSnapshot(Buffer.of(2))).toThrow(/version 2/)
})

test('a count that no bytes could hold is damage, not an allocation', () => {
  expect(() => decodeEntry(Buffer.from('010167ffffffff07', 'hex'))).toThrow(StorageError)
})
