/**
 * A batch format for tests, as plain as can be: JSON behind the first byte 0 and the stamped offset.
 *
 *     u8 0 │ f64 base offset │ JSON {"producerId", "producerEpoch", "baseSequence", "transactional", "marker", "records"}
 *
 * Records are [key, value, timestamp]; one that was taken out by `keep` is null.
 */
import { StorageError } from '../../../src/base/errors.ts'
import { longstr } from '../../../src/base/field-value.ts'
import type { BatchFacts, BatchFormat } from '../../../src/message/batch-format.ts'
import { Address, makeMessage } from '../../../src/message/message.ts'
import { plainFormat, plainProperties } from './plain-format.ts'

export type PlainRecord = readonly [key: string | null, value: string | null, timestampMs: number]

interface PlainBatch {
  producerId: number
  producerEpoch: number
  baseSequence: number
  transactional: boolean
  marker: BatchFacts['marker']
  records: (PlainRecord | null)[]
}

const HEAD_BYTES = 9

export interface Writer {
  readonly id: number
  readonly epoch: number
  readonly sequence: number
  readonly transactional?: boolean
}

export function plainBatch(records: readonly PlainRecord[], writer?: Writer): Buffer {
  return encode({
    producerId: writer?.id ?? -1,
    producerEpoch: writer?.epoch ?? -1,
    baseSequence: writer?.sequence ?? -1,
    transactional: writer?.transactional ?? false,
    marker: 'none',
    records: [...records],
  })
}

function encode(batch: PlainBatch, baseOffset = -1): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeDoubleBE(baseOffset, 1)
  return Buffer.concat([head, Buffer.from(JSON.stringify(batch))])
}

function decode(bytes: Buffer): PlainBatch {
  try {
    return JSON.parse(bytes.toString('utf8', HEAD_BYTES))
  } catch (cause) {
    throw new StorageError('damaged', 'not a plain batch', { cause })
  }
}

/** The values in a batch, in order; of a marker what it says. */
export function valuesOf(bytes: Buffer): (string | null)[] {
  const { marker, records } = decode(bytes)
  if (marker !== 'none') return [marker]
  return records.filter((record) => record !== null).map((record) => record[1])
}

export const stampOf = (bytes: Buffer): number => bytes.readDoubleBE(1)

export const plainBatches: BatchFormat = {
  firstByte: 0,
  facts(bytes) {
    const { producerId, producerEpoch, baseSequence, transactional, marker, records } = decode(bytes)
    return {
      count: records.length,
      maxTimestampMs: Math.max(...records.map((record) => record?.[2] ?? 0)),
      producerId,
      producerEpoch,
      baseSequence,
      isTransactional: transactional,
      marker,
    }
  },
  stamp: (bytes, baseOffset) => void bytes.writeDoubleBE(baseOffset, 1),
  marker: (marker, producerId, producerEpoch, timestampMs) =>
    encode({
      producerId,
      producerEpoch,
      baseSequence: -1,
      transactional: true,
      marker,
      records: [[null, null, timestampMs]],
    }),
  async firstAtOrAfter(bytes, baseOffset, timestampMs) {
    const { records } = decode(bytes)
    const index = records.findIndex((record) => record !== null && record[2] >= timestampMs)
    return index < 0 ? undefined : { offset: baseOffset + index, timestampMs: records[index]?.[2] ?? 0 }
  },
  async messages(bytes, topic) {
    const { marker, records } = decode(bytes)
    if (marker !== 'none') return []
    const found = records.map((record, index) => ({ index, record }))
    return found.flatMap(({ index, record }) => {
      if (record === null) return []
      const [key, value, publishedMs] = record
      const properties = plainProperties(key === null ? new Map() : new Map([['kafka-key', longstr(key)]]))
      const head = {
        format: plainFormat,
        address: new Address('', topic),
        persistent: true,
        priority: undefined,
        publishedMs,
        expirationMs: undefined,
      }
      return [{ index, message: makeMessage(head, properties, Buffer.from(value ?? '')) }]
    })
  },
  keys: async (bytes) =>
    decode(bytes).records.map((record) => (record?.[0] == null ? undefined : Buffer.from(record[0]))),
  async tombstones(bytes) {
    const { records } = decode(bytes)
    return new Set(records.flatMap((record, index) => (record !== null && record[1] === null ? [index] : [])))
  },
  async keep(bytes, indexes) {
    const batch = decode(bytes)
    const records = batch.records.map((record, index) => (indexes.has(index) ? record : null))
    return encode({ ...batch, records }, stampOf(bytes))
  },
}
