import { describe, expect, test } from 'vitest'
import type { EndRequest } from './transaction-door.ts'
import {
  addedGroup,
  completed,
  decidedEnd,
  fencedEnd,
  mayOpen,
  newRecord,
  opened,
  type TransactionRecord,
  wantsNewId,
} from './transaction-record.ts'

const FRESH = 77
const NOW = 1000

/** A record of producer 5 in some state. */
function record(given: Partial<TransactionRecord> = {}): TransactionRecord {
  return { ...newRecord('bank', 5, 0), producerEpoch: 0, timeoutMs: 10, ...given }
}

const identity = (producerEpoch: number, producerId = 5) => ({ producerId, producerEpoch })

function end(of: TransactionRecord, given: Partial<EndRequest> = {}) {
  const { transactionalId, producerId, producerEpoch } = of
  return decidedEnd(
    of,
    { transactionalId, producerId, producerEpoch, outcome: 'commit', renews: false, ...given },
    FRESH,
    NOW,
  )
}

/** The record when all were told. */
function ended(of: TransactionRecord, given: Partial<EndRequest> = {}): TransactionRecord {
  const verdict = end(of, given)
  if (verdict.kind !== 'change') throw new Error(`not ended: ${JSON.stringify(verdict)}`)
  return completed(verdict.record, NOW)
}

describe('transaction record: when epochs are used up', () => {
  test('32766 is the last that is handed out', () => {
    expect(wantsNewId(record({ producerEpoch: 32_765 }), undefined)).toBe(false)
    expect(opened(record({ producerEpoch: 32_765 }), undefined, 10, FRESH, NOW)).toMatchObject({
      producerId: 5,
      producerEpoch: 32_766,
    })
    expect(wantsNewId(record({ producerEpoch: 32_766 }), undefined)).toBe(true)
  })

  test('then the id gets a new producer id, and its holder may repeat the request', () => {
    const used = record({ producerEpoch: 32_766 })
    const expected = identity(32_766)
    const next = opened(used, expected, 10, FRESH, NOW)
    expect(next).toMatchObject({ producerId: FRESH, producerEpoch: 0, previousProducerId: 5, lastEpoch: 32_766 })
    expect(mayOpen(next, expected)).toBe(true)
    expect(wantsNewId(next, expected)).toBe(false)
    expect(opened(next, expected, 10, 0, NOW)).toMatchObject({ producerId: FRESH, producerEpoch: 0 })
    expect(mayOpen(next, identity(32_765))).toBe(false)
  })

  test('a stranger that opens the id leaves nothing to repeat', () => {
    const next = opened(record({ producerEpoch: 32_766 }), undefined, 10, FRESH, NOW)
    expect(next).toMatchObject({ producerId: FRESH, producerEpoch: 0, lastEpoch: -1 })
    expect(mayOpen(next, identity(32_766))).toBe(false)
  })

  test('fencing the last epoch uses 32767, which is not handed out', () => {
    const ongoing = record({ state: 'ongoing', producerEpoch: 32_766 })
    for (const expected of [undefined, identity(32_766)]) {
      const fenced = completed(fencedEnd(ongoing, expected?.producerEpoch ?? -1, NOW), NOW)
      expect(fenced).toMatchObject({ state: 'aborted', producerEpoch: 32_767 })
      expect(mayOpen(fenced, expected)).toBe(true)
      expect(wantsNewId(fenced, expected)).toBe(true)
      expect(opened(fenced, expected, 10, FRESH, NOW)).toMatchObject({ producerId: FRESH, producerEpoch: 0 })
    }
  })

  test('a renewing end of the last epoch goes over to a new producer id once all were told, and may be repeated', () => {
    const ongoing = record({ state: 'ongoing', producerEpoch: 32_766 })
    const verdict = end(ongoing, { renews: true })
    expect(verdict).toMatchObject({
      kind: 'change',
      record: { state: 'committing', producerId: 5, producerEpoch: 32_767, nextProducerId: FRESH },
    })
    const next = ended(ongoing, { renews: true })
    expect(next).toMatchObject({
      state: 'committed',
      producerId: FRESH,
      producerEpoch: 0,
      previousProducerId: 5,
      nextProducerId: -1,
    })
    expect(end(next, { ...identity(32_766), renews: true })).toEqual({ kind: 'done' })
    expect(end(next, { ...identity(32_766), renews: true, outcome: 'abort' })).toMatchObject({ why: 'invalid-state' })
    expect(end(next, { ...identity(32_765), renews: true })).toMatchObject({ why: 'unknown-producer' })
  })
})

describe('transaction record: renewing ends', () => {
  test('of nothing begun: an abort renews, a commit is refused, in every state', () => {
    for (const state of ['empty', 'committed', 'aborted'] as const) {
      expect(end(record({ state }), { renews: true })).toEqual({ kind: 'refused', why: 'invalid-state' })
      expect(end(record({ state }), { renews: true, outcome: 'abort' })).toMatchObject({
        kind: 'change',
        record: { state: 'aborting', producerEpoch: 1, lastEpoch: 0 },
      })
    }
  })

  test('who was fenced by another is not taken for one that repeats', () => {
    const taken = opened(record({ producerEpoch: 3 }), undefined, 10, FRESH, NOW)
    expect(taken.producerEpoch).toBe(4)
    for (const outcome of ['commit', 'abort'] as const) {
      expect(end(taken, { ...identity(3), outcome, renews: true })).toEqual({ kind: 'refused', why: 'fenced' })
    }
  })
})

test('transaction record: the start stays while partitions come, and is new with the next transaction', () => {
  const first = addedGroup(record(), 'a', 9, 100)
  if (first.kind !== 'change') throw new Error('refused')
  expect(first.record).toMatchObject({ state: 'ongoing', startedMs: 100 })
  expect(addedGroup(first.record, 'b', 9, 200)).toMatchObject({ record: { startedMs: 100, changedMs: 200 } })
  expect(addedGroup(ended(first.record), 'c', 9, 300)).toMatchObject({ record: { startedMs: 300 } })
})
