/**
 * InitProducerId: a new producer id for idempotence, or the holder of a transactional id. Version 6, of two-phase commit,
 * is not final in Apache Kafka and not served.
 */
import type { ProducerAnswer, ProducerIdentity } from '../../../broker/transactions/transaction-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { transactionCode } from '../transaction-codes.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type InitProducerIdRequest,
  type InitProducerIdResponse,
  initProducerIdSchema,
} from '../wire/schemas/init-producer-id.gen.ts'

const FENCED_FROM_VERSION = 4
const NONE = -1

export const initProducerId: Api<InitProducerIdRequest, InitProducerIdResponse> = {
  key: initProducerIdSchema.key,
  versionMin: initProducerIdSchema.versionMin,
  versionMax: 5,
  handle,
}

async function handle(request: InitProducerIdRequest, context: RequestContext): Promise<InitProducerIdResponse> {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
  const { session, settings, apiVersion } = context
  const isNew = producerId === NONE && producerEpoch === NONE
  if (!isNew && (producerId < 0 || producerEpoch < 0)) return failed(KAFKA_ERRORS.INVALID_REQUEST.code)
  if (transactionalId === null) return answered(await session.transactions.newProducer(), apiVersion)
  if (transactionTimeoutMs > settings.transactionTimeoutMsMax) {
    return failed(KAFKA_ERRORS.INVALID_TRANSACTION_TIMEOUT.code)
  }
  const expected: ProducerIdentity | undefined = isNew ? undefined : { producerId, producerEpoch }
  const timeoutMs = transactionTimeoutMs
  return answered(await session.transactions.open({ transactionalId, timeoutMs, expected }), apiVersion)
}

function answered(answer: ProducerAnswer, apiVersion: number): InitProducerIdResponse {
  if (answer.kind === 'refused') return failed(transactionCode(answer.why, apiVersion >= FENCED_FROM_VERSION))
  return { errorCode: 0, producerId: answer.producerId, producerEpoch: answer.producerEpoch }
}

function failed(errorCode: number): InitProducerIdResponse {
  return { errorCode, producerId: NONE, producerEpoch: NONE }
}
