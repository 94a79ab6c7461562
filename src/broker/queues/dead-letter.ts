/**
 * The afterlife of a message: what RabbitMQ's dead-lettering writes into its headers, where it goes, and the one case in
 * which it goes nowhere: an automatic cycle.
 */
import {
  array,
  type FieldTable,
  type FieldValue,
  integerOf,
  long,
  longstr,
  table,
  textOf,
  textsOf,
  timestamp,
} from '../../base/field-value.ts'
import { Address, type Message, makeMessage } from '../../message/message.ts'
import type { DeathReason } from './queue-deps.ts'

export interface Death {
  readonly queue: string
  readonly reason: DeathReason
  readonly atMs: number
  /** x-dead-letter-routing-key; undefined keeps the message's own keys. */
  readonly routingKey: string | undefined
  readonly exchange: string
}

export interface DeadLetter {
  readonly message: Message
  /** Keys beyond the address's: what the sender put into CC. */
  readonly extraKeys: readonly string[] | undefined
  /** The message's deaths, newest first, for `isCycle`. */
  readonly deaths: readonly FieldValue[]
}

/** The message as it is sent on: new address, one death more, no expiration, the body untouched. */
export function deadLetter(message: Message, death: Death): DeadLetter {
  const properties = message.properties()
  const headers = new Map(message.format.headers(properties))
  const carbonCopies = textsOf(headers.get('CC'))
  const isFirst = !headers.has('x-death')
  const deaths = withDeath(headers.get('x-death'), message, death, carbonCopies)
  headers.set('x-death', array(deaths))
  // It counts deliveries of the queue that is left.
  headers.delete('x-delivery-count')
  if (isFirst) {
    headers.set('x-first-death-exchange', longstr(message.address.exchange))
    headers.set('x-first-death-queue', longstr(death.queue))
    headers.set('x-first-death-reason', longstr(death.reason))
  }
  if (death.routingKey !== undefined) headers.delete('CC')
  const head = {
    format: message.format,
    address: new Address(death.exchange, death.routingKey ?? message.address.routingKey),
    persistent: message.persistent,
    priority: message.priority < 0 ? undefined : message.priority,
    publishedMs: death.atMs,
    expirationMs: undefined,
  }
  const changed = message.format.change(properties, { headers, removeExpiration: true })
  return {
    message: makeMessage(head, changed, message.body()),
    extraKeys: death.routingKey === undefined && carbonCopies.length > 0 ? carbonCopies : undefined,
    deaths,
  }
}

/**
 * Whether the message has come round to `queue` again without anybody having rejected it on the way: RabbitMQ drops it
 * then, or it would go round for ever.
 */
export function isCycle(letter: DeadLetter, queue: string): boolean {
  for (const [index, death] of letter.deaths.entries()) {
    if (death.type !== 'F' || textOf(death.value.get('queue')) !== queue) continue
    return letter.deaths
      .slice(0, index + 1)
      .every((one) => one.type === 'F' && textOf(one.value.get('reason')) !== 'rejected')
  }
  return false
}

/** Newest first, one table per queue and reason; a repeated death counts up and comes to the front. */
function withDeath(
  earlier: FieldValue | undefined,
  message: Message,
  death: Death,
  carbonCopies: readonly string[],
): FieldValue[] {
  const deaths = earlier?.type === 'A' ? [...earlier.value] : []
  const index = deaths.findIndex(
    (one) =>
      one.type === 'F' &&
      textOf(one.value.get('queue')) === death.queue &&
      textOf(one.value.get('reason')) === death.reason,
  )
  const known = deaths[index]
  if (known?.type === 'F') {
    deaths.splice(index, 1)
    // A sender may have put any number there, and it must still go out in 64 bits.
    const count = Math.min((integerOf(known.value.get('count')) ?? 0) + 1, Number.MAX_SAFE_INTEGER)
    return [table(new Map(known.value).set('count', long(count))), ...deaths]
  }
  return [table(newDeath(message, death, carbonCopies)), ...deaths]
}

function newDeath(message: Message, death: Death, carbonCopies: readonly string[]): FieldTable {
  const keys = [message.address.routingKey, ...carbonCopies]
  const entry = new Map<string, FieldValue>([
    ['count', long(1)],
    ['reason', longstr(death.reason)],
    ['queue', longstr(death.queue)],
    ['time', timestamp(Math.floor(death.atMs / 1000))],
    ['exchange', longstr(message.address.exchange)],
    ['routing-keys', array(keys.map(longstr))],
  ])
  const expiration = message.format.expiration(message.properties())
  if (expiration !== undefined) entry.set('original-expiration', longstr(expiration))
  return entry
}
