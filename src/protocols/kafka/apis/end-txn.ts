/**
 * EndTxn: commits or aborts. Apache Kafka answers when the decision is durable; here the answer comes when every partition
 * has its marker, so that who commits and then reads finds what he wrote. From version 5 on the producer gets a new epoch
 * with every end.
 */
import type { Api, RequestContext } from '../api.ts'
import { transactionCode } from '../transaction-codes.ts'
import { type EndTxnRequest, type EndTxnResponse, endTxnSchema } from '../wire/schemas/end-txn.gen.ts'

const FENCED_FROM_VERSION = 2
const RENEWS_FROM_VERSION = 5

export const endTxn: Api<EndTxnRequest, EndTxnResponse> = {
  key: endTxnSchema.key,
  versionMin: endTxnSchema.versionMin,
  versionMax: endTxnSchema.versionMax,
  handle,
}

async function handle(request: EndTxnRequest, { session, apiVersion }: RequestContext): Promise<EndTxnResponse> {
  const { transactionalId, producerId, producerEpoch, committed } = request
  const answer = await session.transactions.end({
    transactionalId,
    producerId,
    producerEpoch,
    outcome: committed ? 'commit' : 'abort',
    renews: apiVersion >= RENEWS_FROM_VERSION,
  })
  if (answer.kind === 'refused') {
    return { throttleTimeMs: 0, errorCode: transactionCode(answer.why, apiVersion >= FENCED_FROM_VERSION) }
  }
  return { throttleTimeMs: 0, errorCode: 0, producerId: answer.producerId, producerEpoch: answer.producerEpoch }
}
