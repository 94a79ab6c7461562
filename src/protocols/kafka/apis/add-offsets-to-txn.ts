/** AddOffsetsToTxn: a transaction will commit offsets of this group. */
import type { Api, RequestContext } from '../api.ts'
import { transactionCode } from '../transaction-codes.ts'
import {
  type AddOffsetsToTxnRequest,
  type AddOffsetsToTxnResponse,
  addOffsetsToTxnSchema,
} from '../wire/schemas/add-offsets-to-txn.gen.ts'

const FENCED_FROM_VERSION = 2

export const addOffsetsToTxn: Api<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse> = {
  key: addOffsetsToTxnSchema.key,
  versionMin: addOffsetsToTxnSchema.versionMin,
  versionMax: addOffsetsToTxnSchema.versionMax,
  handle,
}

async function handle(request: AddOffsetsToTxnRequest, context: RequestContext): Promise<AddOffsetsToTxnResponse> {
  const { transactionalId, producerId, producerEpoch, groupId } = request
  const claim = { transactionalId, producerId, producerEpoch }
  const why = await context.session.transactions.addGroup(claim, groupId)
  return { throttleTimeMs: 0, errorCode: transactionCode(why, context.apiVersion >= FENCED_FROM_VERSION) }
}
