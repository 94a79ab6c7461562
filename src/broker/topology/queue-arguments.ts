/**
 * The arguments of a queue: checked once when it is made, with RabbitMQ's texts, and read into settings. Arguments that
 * applications still send but that mean nothing here (x-queue-mode, x-queue-version, x-ha-policy, the locators, the
 * cluster sizes, x-max-in-memory-*) and unknown ones are taken and ignored.
 */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, type FieldValue, integerOf, textOf } from '../../base/field-value.ts'
import { textSize } from '../../base/text.ts'
import type { Overflow, QueueSettings } from '../queues/queue-definition.ts'
import { typeName, valueText } from '../routing/field-text.ts'
import { ageMs } from '../streams/age.ts'
import type { StreamPlan } from '../streams/stream-definition.ts'

/** Ten years: longer waits are mistakes. */
const EXPIRY_MS_MAX = 315_360_000_000
const PRIORITY_MAX = 255
const ROUTING_KEY_BYTES_MAX = 255

const overflows: readonly Overflow[] = ['drop-head', 'reject-publish', 'reject-publish-dlx', 'block']

/** What is wrong with an argument, as RabbitMQ prints it; undefined when nothing is. */
type Check = (value: FieldValue, args: FieldTable) => string | undefined

/** In the order RabbitMQ checks and compares them. */
const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['x-queue-type', queueType],
  ['x-expires', (value) => notInteger(value) ?? zero(value) ?? badExpiry(value)],
  ['x-message-ttl', (value) => notInteger(value) ?? badExpiry(value)],
  ['x-dead-letter-exchange', (value) => notText(value)],
  ['x-dead-letter-routing-key', deadLetterRoutingKey],
  ['x-dead-letter-strategy', oneOf(['at-most-once', 'at-least-once'], 'invalid_dlx_strategy')],
  ['x-max-length', notCount],
  ['x-max-length-bytes', notCount],
  ['x-max-priority', (value) => notCount(value) ?? above(value, PRIORITY_MAX)],
  ['x-overflow', oneOf(overflows, 'invalid_overflow')],
  ['x-single-active-consumer', (value) => (value.type === 't' ? undefined : unacceptable(value))],
  ['x-delivery-limit', (value) => notInteger(value) ?? (integerOf(value) === -1 ? undefined : negative(value))],
  ['x-consumer-timeout', notCount],
  ['x-max-age', (value) => notText(value) ?? badAge(value)],
  ['x-stream-max-segment-size-bytes', notCount],
])

/** What means nothing to a stream; RabbitMQ refuses it rather than ignore it. */
const noStreamArguments: readonly string[] = [
  'x-expires',
  'x-message-ttl',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-max-length',
  'x-max-priority',
  'x-overflow',
  'x-single-active-consumer',
  'x-delivery-limit',
]

/** The arguments that make two declarations of one queue different. */
export const comparedQueueArguments: readonly string[] = [...checks.keys()]

export type QueueTypeAsked = 'classic' | 'quorum' | 'stream'

/** @throws {Refused} 'precondition-failed' */
export function checkQueueArguments(args: FieldTable, where: string): QueueTypeAsked {
  const exchange = args.get('x-dead-letter-exchange')
  if (exchange !== undefined && textOf(exchange) === undefined) {
    refuse(`invalid type '${typeName(exchange)}' for arg 'x-dead-letter-exchange' in ${where}`)
  }
  for (const [name, check] of checks) {
    const value = args.get(name)
    const problem = value === undefined ? undefined : check(value, args)
    if (problem !== undefined) refuse(`invalid arg '${name}' for ${where}: ${problem}`)
  }
  const type = typeOf(args)
  const useless = type === 'stream' ? noStreamArguments.find((name) => args.has(name)) : undefined
  if (useless !== undefined) refuse(`invalid arg '${useless}' for ${where} of queue type rabbit_stream_queue`)
  return type
}

function typeOf(args: FieldTable): QueueTypeAsked {
  const type = textOf(args.get('x-queue-type'))
  return type === 'quorum' || type === 'stream' ? type : 'classic'
}

/**
 * Checked arguments of a stream as what it shall be. Unlike Kafka's, RabbitMQ's streams keep all unless told. What goes
 * at once is a small part of what is kept, so that the limits mean what they say.
 */
export function streamPlan(args: FieldTable): StreamPlan {
  const retentionMs = maxAgeMs(args)
  const configs = new Map([['retention.ms', String(retentionMs ?? -1)]])
  if (retentionMs !== undefined) configs.set('segment.ms', String(Math.ceil(retentionMs / SEGMENTS_KEPT)))
  const maxLengthBytes = integerOf(args.get('x-max-length-bytes'))
  if (maxLengthBytes !== undefined) configs.set('retention.bytes', String(maxLengthBytes))
  const segmentBytes = integerOf(args.get('x-stream-max-segment-size-bytes')) ?? (maxLengthBytes ?? 0) / SEGMENTS_KEPT
  if (segmentBytes > 0) configs.set('segment.bytes', String(clamped(Math.ceil(segmentBytes))))
  return { partitionCount: 1, configs, isInternal: false }
}

const SEGMENTS_KEPT = 16

/** To what the setting of a stream may be; unless told, never more than by default. */
function clamped(segmentBytes: number): number {
  return Math.min(Math.max(segmentBytes, 14), 2 ** 30)
}

function maxAgeMs(args: FieldTable): number | undefined {
  const text = textOf(args.get('x-max-age'))
  return text === undefined ? undefined : ageMs(text)
}

function badAge(value: FieldValue): string | undefined {
  return ageMs(textOf(value) ?? '') === undefined ? 'invalid_max_age' : undefined
}

/** The settings in arguments that were checked when the queue was made. */
export function queueSettings(args: FieldTable): QueueSettings {
  const deliveryLimit = integerOf(args.get('x-delivery-limit'))
  const consumerTimeoutMs = integerOf(args.get('x-consumer-timeout'))
  const single = args.get('x-single-active-consumer')
  const overflow = textOf(args.get('x-overflow'))
  return {
    type: typeOf(args),
    messageTtlMs: integerOf(args.get('x-message-ttl')),
    expiresMs: integerOf(args.get('x-expires')),
    maxLength: integerOf(args.get('x-max-length')),
    maxLengthBytes: integerOf(args.get('x-max-length-bytes')),
    overflow: overflows.find((known) => known === overflow) ?? 'drop-head',
    deadLetterExchange: textOf(args.get('x-dead-letter-exchange')),
    deadLetterRoutingKey: textOf(args.get('x-dead-letter-routing-key')),
    deliveryLimit: deliveryLimit === -1 ? undefined : deliveryLimit,
    maxPriority: integerOf(args.get('x-max-priority')) ?? 0,
    singleActiveConsumer: single?.type === 't' && single.value,
    consumerTimeoutMs: consumerTimeoutMs === 0 ? undefined : consumerTimeoutMs,
  }
}

function queueType(value: FieldValue): string | undefined {
  const type = textOf(value)
  if (type === undefined) return unacceptable(value)
  return ['classic', 'quorum', 'stream'].includes(type) ? undefined : `"unsupported queue type '${type}'"`
}

function deadLetterRoutingKey(value: FieldValue, args: FieldTable): string | undefined {
  if (!args.has('x-dead-letter-exchange')) return notText(value) ?? 'routing_key_but_no_dlx_defined'
  // A message cannot carry a longer one: it could not be dead-lettered.
  return notText(value) ?? (textSize(textOf(value)!) > ROUTING_KEY_BYTES_MAX ? '"longer than 255 bytes"' : undefined)
}

function oneOf(known: readonly string[], otherwise: string): Check {
  return (value) => notText(value) ?? (known.includes(textOf(value)!) ? undefined : otherwise)
}

function unacceptable(value: FieldValue): string {
  return `{unacceptable_type,${typeName(value)}}`
}

function notText(value: FieldValue): string | undefined {
  return value.type === 'S' ? undefined : unacceptable(value)
}

function notInteger(value: FieldValue): string | undefined {
  return integerOf(value) === undefined ? `"expected integer, got ${typeName(value)}"` : undefined
}

function notCount(value: FieldValue): string | undefined {
  return notInteger(value) ?? negative(value)
}

function negative(value: FieldValue): string | undefined {
  return integerOf(value)! < 0 ? `{value_negative,${valueText(value)}}` : undefined
}

function zero(value: FieldValue): string | undefined {
  return integerOf(value) === 0 ? '{value_zero,0}' : undefined
}

function above(value: FieldValue, max: number): string | undefined {
  return integerOf(value)! > max ? `{max_value_exceeded,${valueText(value)}}` : undefined
}

function badExpiry(value: FieldValue): string | undefined {
  return negative(value) ?? (integerOf(value)! > EXPIRY_MS_MAX ? `{value_too_large,${valueText(value)}}` : undefined)
}

function refuse(text: string): never {
  throw new Refused('precondition-failed', text)
}
