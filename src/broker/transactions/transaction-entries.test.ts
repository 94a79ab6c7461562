import { expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { decodeEntry, decodeSnapshot, encodeForget, encodePut, encodeSnapshot } from './transaction-entries.ts'
import { newRecord, type TransactionRecord } from './transaction-record.ts'

const ongoing: TransactionRecord = {
  transactionalId: 'bank',
  state: 'ongoing',
  producerId: 300,
  producerEpoch: 2,
  lastEpoch: 1,
  previousProducerId: 7,
  nextProducerId: -1,
  timeoutMs: 60_000,
  startedMs: 1_700_000_000_000,
  changedMs: 1_700_000_000_001,
  partitions: new Map([
    ['t', new Set([0, 2])],
    ['ü', new Set([1])],
  ]),
  groups: new Set(['readers']),
}

/** The very bytes: a broker of tomorrow must read them. */
const ONGOING_HEX = [
  '0462616e6b', // text transactional id
  '01', // ongoing
  'ac02', // producer id
  '03', // epoch + 1
  '02', // last epoch + 1
  '08', // previous producer id + 1
  '00', // next producer id + 1
  'e0d403', // timeout
  '81d095ffbc31', // started + 1
  '81d095ffbc31', // changed
  '02', // two streams
  '0174020002', // t: 0, 2
  '02c3bc0101', // ü: 1
  '01', // one group
  '0772656164657273',
].join('')

test('transaction entries: a record as it lies in the log', () => {
  expect(encodePut(ongoing).toString('hex')).toBe(`01${ONGOING_HEX}`)
  expect(decodeEntry(Buffer.from(`01${ONGOING_HEX}`, 'hex'))).toEqual({ kind: 'put', record: ongoing })
  expect(encodeForget('bank').toString('hex')).toBe('020462616e6b')
  expect(decodeEntry(encodeForget('bank'))).toEqual({ kind: 'forget', transactionalId: 'bank' })
})

test('transaction entries: a snapshot holds all records, in every state', () => {
  const states = ['empty', 'ongoing', 'committing', 'aborting', 'committed', 'aborted'] as const
  const records = states.map((state) => ({ ...newRecord(state, 2 ** 52, 5), state, nextProducerId: 9 }))
  expect(decodeSnapshot(encodeSnapshot(records))).toEqual(records)
  expect(encodeSnapshot([ongoing]).toString('hex')).toBe(`0101${ONGOING_HEX}`)
  expect(decodeSnapshot(encodeSnapshot([]))).toEqual([])
})

test('transaction entries: cut anywhere they are damaged, and what a newer version wrote is refused', () => {
  const whole = encodePut(ongoing)
  for (let length = 0; length < whole.length; length++) {
    expect(() => decodeEntry(whole.subarray(0, length))).toThrow(StorageError)
  }
  expect(() => decodeEntry(Buffer.of(3))).toThrow('unknown entry 3')
  expect(() => decodeSnapshot(Buffer.of(2, 0))).toThrow('version 2')
  expect(() => decodeEntry(Buffer.from('0101780600000000000000000000', 'hex'))).toThrow('unknown state')
})
