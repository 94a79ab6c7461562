/**
 * Where a reader of a stream begins: the argument `x-stream-offset`, as RabbitMQ takes it (a word, an offset, a moment,
 * an age), and for streams with several partitions also a table of offsets by partition.
 */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, type FieldValue, integerOf, textOf } from '../../base/field-value.ts'
import { valueText } from '../routing/field-text.ts'
import { ageMs } from './age.ts'

export const OFFSET_ARGUMENT = 'x-stream-offset'

export type StartOffset =
  | { readonly kind: 'first' | 'last' | 'next' }
  /** Of every partition. */
  | { readonly kind: 'offset'; readonly offset: number }
  /** A partition that is not named begins with its first record: it may be new. */
  | { readonly kind: 'offsets'; readonly byPartition: ReadonlyMap<number, number> }
  | { readonly kind: 'time'; readonly timestampMs: number }

/** @throws {Refused} 'precondition-failed' */
export function startOffsetOf(args: FieldTable, nowMs: number): StartOffset {
  const value = args.get(OFFSET_ARGUMENT)
  if (value === undefined) return { kind: 'next' }
  const offset = integerOf(value)
  if (offset !== undefined && offset >= 0) return { kind: 'offset', offset }
  if (value.type === 'T') return { kind: 'time', timestampMs: Number(value.value) * 1000 }
  if (value.type === 'F') return { kind: 'offsets', byPartition: offsetsOf(value.value, value) }
  const text = textOf(value)
  if (text === 'first' || text === 'last' || text === 'next') return { kind: text }
  const backMs = text === undefined ? undefined : ageMs(text)
  if (backMs !== undefined) return { kind: 'time', timestampMs: nowMs - backMs }
  throw invalid(value)
}

function offsetsOf(table: FieldTable, value: FieldValue): Map<number, number> {
  const offsets = new Map<number, number>()
  for (const [partition, offset] of table) {
    const number = integerOf(offset)
    if (!/^\d{1,9}$/.test(partition) || number === undefined || number < 0) throw invalid(value)
    offsets.set(Number(partition), number)
  }
  return offsets
}

function invalid(value: FieldValue): Refused {
  return new Refused(
    'precondition-failed',
    `invalid arg '${OFFSET_ARGUMENT}': ${valueText(value)} is neither 'first', 'last', 'next', an offset, a timestamp, ` +
      `an age like '1h', nor a table of offsets by partition`,
  )
}
