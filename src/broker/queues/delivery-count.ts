/** `x-delivery-count`: tells a consumer how often a message came back, where RabbitMQ's quorum queues tell it. */
import { long } from '../../base/field-value.ts'
import { type Message, makeMessage } from '../../message/message.ts'
import type { QueueSettings } from './queue-definition.ts'

/** Classic queues of RabbitMQ do not count; ours do when a limit is set, and then say so. */
export function tellsDeliveryCount({ type, deliveryLimit }: QueueSettings): boolean {
  return type === 'quorum' || deliveryLimit !== undefined
}

/** The message with the header as it goes to a consumer. What is stored stays as it was published. */
export function withDeliveryCount(message: Message, count: number): Message {
  const properties = message.properties()
  const headers = new Map(message.format.headers(properties)).set('x-delivery-count', long(count))
  const head = {
    format: message.format,
    address: message.address,
    persistent: message.persistent,
    priority: message.priority < 0 ? undefined : message.priority,
    publishedMs: message.publishedMs,
    expirationMs: message.expirationMs < 0 ? undefined : message.expirationMs,
  }
  return makeMessage(head, message.format.change(properties, { headers }), message.body())
}
