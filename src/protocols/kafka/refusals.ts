/** What a Kafka client is told when something cannot be done: from the broker's reasons to Kafka's codes. */
import { Refused, type RefusedReason, StorageError } from '../../base/errors.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'

const CODES: Readonly<Record<RefusedReason, number>> = {
  'access-refused': KAFKA_ERRORS.TOPIC_AUTHORIZATION_FAILED.code,
  'not-allowed': KAFKA_ERRORS.CLUSTER_AUTHORIZATION_FAILED.code,
  'not-found': KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code,
  'resource-locked': KAFKA_ERRORS.INVALID_REQUEST.code,
  'precondition-failed': KAFKA_ERRORS.INVALID_REQUEST.code,
  'not-implemented': KAFKA_ERRORS.INVALID_REQUEST.code,
  'command-invalid': KAFKA_ERRORS.INVALID_REQUEST.code,
  'internal-error': KAFKA_ERRORS.UNKNOWN_SERVER_ERROR.code,
}

export interface Refusal {
  readonly code: number
  readonly message: string
}

/**
 * The code for what a part of a request failed with. A bug has none: it is thrown on, and ends the connection.
 * @param precondition what 'precondition-failed' means in this place
 */
export function refusalOf(error: unknown, precondition: number = KAFKA_ERRORS.INVALID_REQUEST.code): Refusal {
  if (error instanceof Refused) {
    const code = error.reason === 'precondition-failed' ? precondition : CODES[error.reason]
    return { code, message: clipped(error.message) }
  }
  if (error instanceof StorageError) {
    return { code: KAFKA_ERRORS.KAFKA_STORAGE_ERROR.code, message: clipped(error.message) }
  }
  throw error
}

/** Texts quote what the client sent, which may be as long as a string can be: the answer must not be longer. */
const TEXT_LENGTH_MAX = 1000

export function clipped(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}...`
}
