/** Judges a batch as it comes in a produce request, in the order in which Apache Kafka does. Changes nothing. */

import type { TopicRules } from './topic-rules.ts'
import { openRecords } from './wire/batch-writer.ts'
import { COMPRESSION } from './wire/compression.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'
import { KafkaWireError } from './wire/kafka-wire-error.ts'
import {
  BATCH_FAULTS,
  type BatchFault,
  type BatchHeader,
  compressionFault,
  controlFault,
  countFault,
  crcFault,
  producerFault,
  readBatchHeader,
  singleBatchFault,
  sizeFault,
  timestampFault,
} from './wire/record-batch.ts'

export interface BatchRefusal {
  readonly code: number
  readonly message: string
  /** Places of the records that are at fault, where single ones are. */
  readonly records: readonly number[]
}

/** What a batch may unpack to when it must be looked into. */
const UNPACKED_BYTES_MAX = 128 * 1024 * 1024

/** Without zstd below: consumers of that age cannot read it. */
const ZSTD_FROM_VERSION = 7

/** How many records are named: one is enough to see what is wrong. */
const NAMED_RECORDS_MAX = 100

const NO_RECORDS: readonly number[] = []

/** Fills `header`. Undefined: the batch is good. */
export function batchRefusal(
  records: Buffer | null,
  header: BatchHeader,
  rules: TopicRules,
  apiVersion: number,
  nowMs: number,
): BatchRefusal | undefined {
  if (records === null || records.length === 0) return ofFault('more-than-one')
  const fault =
    readBatchHeader(records, 0, records.length, header) ??
    singleBatchFault(header, records.length) ??
    compressionFault(header, apiVersion >= ZSTD_FROM_VERSION) ??
    sizeFault(header, rules.batchBytesMax) ??
    crcFault(records, header) ??
    controlFault(header) ??
    producerFault(header) ??
    countFault(header) ??
    (rules.isLogAppendTime
      ? undefined
      : timestampFault(header, nowMs, rules.timestampBeforeMsMax, rules.timestampAfterMsMax))
  if (fault !== undefined) return ofFault(fault)
  // What is compressed is only unpacked where it must be: that would cost more than all the rest of a produce request.
  return rules.needsKeys || header.compression === COMPRESSION.none
    ? recordsRefusal(records, header, rules.needsKeys)
    : undefined
}

function ofFault(fault: BatchFault): BatchRefusal {
  const { error, message } = BATCH_FAULTS[fault]
  return { code: KAFKA_ERRORS[error].code, message, records: NO_RECORDS }
}

/** A batch that nobody could read would stop every reader of another protocol, and compaction, where it lies. */
function recordsRefusal(records: Buffer, header: BatchHeader, needsKeys: boolean): BatchRefusal | undefined {
  const { code } = KAFKA_ERRORS.INVALID_RECORD
  const keyless: number[] = []
  try {
    const reader = openRecords(records, header, UNPACKED_BYTES_MAX)
    for (let index = 0; reader.next(); index++) {
      if (reader.offsetDelta !== index) {
        return { code, message: `record ${index} of the batch says that it is ${reader.offsetDelta}`, records: [index] }
      }
      if (needsKeys && reader.keyStart === -1 && keyless.length < NAMED_RECORDS_MAX) keyless.push(index)
    }
  } catch (error) {
    if (!(error instanceof KafkaWireError)) throw error
    return { code, message: `the records of the batch cannot be read: ${error.message}`, records: NO_RECORDS }
  }
  if (keyless.length === 0) return undefined
  return { code, message: 'a topic that is compacted takes only records with a key', records: keyless }
}
