/** Declares what a load needs and takes it away again. */
import { makeMethod } from '../../src/protocols/amqp/wire/methods.ts'
import { tableFromPlain } from '../../src/protocols/amqp/wire/plain-fields.ts'
import type { QueuePlan } from './job.ts'
import type { LoadConnection } from './load-connection.ts'

export const FANOUT_EXCHANGE = 'bench-fanout'

/** Where a publisher sends to: through the default exchange by the queues' names, or once to a fanout exchange. */
export function addressOf(plan: QueuePlan): { exchange: string; routingKeys: readonly string[] } {
  return plan.fanout ? { exchange: FANOUT_EXCHANGE, routingKeys: [''] } : { exchange: '', routingKeys: plan.names }
}

/** @param mustBeEmpty take away what a run that failed may have left behind */
export async function declareQueues(connection: LoadConnection, plan: QueuePlan, mustBeEmpty: boolean): Promise<void> {
  if (plan.fanout) {
    const declare = makeMethod('exchange.declare', { exchange: FANOUT_EXCHANGE, type: 'fanout', durable: true })
    await connection.call(declare, 'exchange.declare-ok')
  }
  for (const queue of plan.names) {
    const declare = makeMethod('queue.declare', {
      queue,
      durable: plan.durable,
      arguments: tableFromPlain(plan.arguments),
    })
    const declared = await connection.call(declare, 'queue.declare-ok')
    if (mustBeEmpty && declared.kind === 'queue.declare-ok' && declared.messageCount > 0) {
      await connection.call(makeMethod('queue.purge', { queue }), 'queue.purge-ok')
    }
    if (plan.fanout) {
      await connection.call(makeMethod('queue.bind', { queue, exchange: FANOUT_EXCHANGE }), 'queue.bind-ok')
    }
  }
}

export async function deleteQueues(connection: LoadConnection, plan: QueuePlan): Promise<void> {
  for (const queue of plan.names) await connection.call(makeMethod('queue.delete', { queue }), 'queue.delete-ok')
  if (plan.fanout) {
    await connection.call(makeMethod('exchange.delete', { exchange: FANOUT_EXCHANGE }), 'exchange.delete-ok')
  }
}
