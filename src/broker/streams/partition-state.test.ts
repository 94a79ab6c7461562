import { expect, test } from 'vitest'
import type { BatchFacts } from '../../message/batch-format.ts'
import { PartitionState } from './partition-state.ts'

const limits = { segmentBytes: 1000, segmentMs: 1000 }

const facts = (more: Partial<BatchFacts>): BatchFacts => ({
  count: 2,
  maxTimestampMs: 7,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  isTransactional: false,
  marker: 'none',
  ...more,
})

/** As many 64-bit floats as one can read. */
const numbersIn = (bytes: Buffer): number[] =>
  Array.from({ length: (bytes.length - 1) / 8 }, (_, index) => bytes.readDoubleBE(1 + index * 8))

function busyState(): PartitionState {
  const state = new PartitionState()
  state.took(0, 100, facts({ producerId: 5, producerEpoch: 1, baseSequence: 0 }), limits, 50)
  state.begin(6, 2, 51)
  const writer = { producerId: 6, producerEpoch: 2, isTransactional: true }
  state.took(2, 100, facts({ ...writer, baseSequence: 0 }), limits, 52)
  state.took(4, 100, facts({ ...writer, count: 1, marker: 'abort' }), limits, 53)
  state.begin(7, 0, 54)
  state.compacted = { log: 512, endOffset: 2 }
  return state
}

test('partition state: control entries, byte for byte', () => {
  const state = new PartitionState()
  state.nextOffset = 9
  state.moveStart(3)
  expect(state.encodeStart().toString('hex')).toBe('014008000000000000')
  expect(state.encodeBegun(5, 1).toString('hex')).toBe('0240140000000000003ff0000000000000')
})

test('partition state: the snapshot is as it is drawn', () => {
  const bytes = busyState().encodeSnapshot()
  expect(bytes[0]).toBe(1)
  expect(numbersIn(bytes)).toEqual([
    ...[5, 0, 512, 2],
    ...[3, 5, 1, 1, 7, 50, 3, 0, 1, 0, 6, 2, 1, 7, 53, 3, 0, 1, 2, 7, 0, -2, 0, 54, 0],
    ...[1, 7, -1],
    ...[1, 6, 2, 4, 5],
    ...[1, 0, 300, 7, 7],
    ...[65536, 300, 1, 0, 7],
  ])
})

test('partition state: a snapshot read back is the same state, one that is cut or newer is refused', () => {
  const bytes = busyState().encodeSnapshot()
  const copy = new PartitionState()
  copy.applySnapshot(bytes)
  expect(copy.encodeSnapshot()).toEqual(bytes)
  expect(copy.compacted).toEqual({ log: 512, endOffset: 2 })
  for (let length = 1; length < bytes.length; length++) {
    expect(() => new PartitionState().applySnapshot(bytes.subarray(0, length))).toThrow('cut off')
  }
  expect(() => copy.applySnapshot(Buffer.from([2]))).toThrow('snapshot of version 2')
  expect(() => copy.applyControl(Buffer.from([9]), 0)).toThrow('unknown entry 9')
  expect(() => copy.applyControl(Buffer.from([1, 0]), 0)).toThrow('cut off')
})
