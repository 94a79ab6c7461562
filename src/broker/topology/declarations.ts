/** The checks on declaring: what a new exchange or queue must fulfil, and what a second declaration must repeat. */
import { Refused } from '../../base/errors.ts'
import { textOf } from '../../base/field-value.ts'
import type { ManagedQueue } from '../queues/queue-definition.ts'
import type { ExchangeKinds } from '../routing/exchange-kind.ts'
import { typeName } from '../routing/field-text.ts'
import type { ExchangeDefinition } from '../routing/route-graph.ts'
import type { QueueCounts, QueueSpec, Session } from '../session.ts'
import { sameArguments, sameProperty } from './equivalence.ts'
import { checkQueueArguments, comparedQueueArguments, type QueueTypeAsked } from './queue-arguments.ts'
import { checkNewName, checkSameOwner, named } from './refusals.ts'

const ALTERNATE = 'alternate-exchange'
const NAME_PREFIX = 'x-name-prefix'
const NAME_PREFIX_BYTES_MAX = 64

/** @throws {Refused} 'access-refused', 'precondition-failed' */
export function checkNewExchange(definition: ExchangeDefinition, kinds: ExchangeKinds): void {
  const { name, vhost, type, arguments: args } = definition
  checkNewName('exchange', name)
  const alternate = args.get(ALTERNATE)
  if (alternate !== undefined && textOf(alternate) === undefined) {
    const where = named('exchange', name, vhost)
    throw new Refused('precondition-failed', `invalid type '${typeName(alternate)}' for arg '${ALTERNATE}' in ${where}`)
  }
  kinds.require(type).checkArguments(args, kinds)
}

/** @throws {Refused} 'precondition-failed' at the first difference */
export function checkSameExchange(current: ExchangeDefinition, asked: ExchangeDefinition): void {
  const where = named('exchange', current.name, current.vhost)
  sameProperty('type', current.type, asked.type, where)
  sameProperty('durable', current.durable, asked.durable, where)
  sameProperty('auto_delete', current.autoDelete, asked.autoDelete, where)
  sameProperty('internal', current.internal, asked.internal, where)
  sameArguments([ALTERNATE], current.arguments, asked.arguments, where)
}

/** @throws {Refused} 'precondition-failed' */
export function checkNewQueue(spec: QueueSpec, vhost: string): QueueTypeAsked {
  const where = named('queue', spec.name, vhost)
  const type = checkQueueArguments(spec.arguments, where)
  if (type === 'classic') return type
  // In RabbitMQ's order: an exclusive queue is not durable either, but hears of exclusive.
  const property = spec.autoDelete
    ? 'auto-delete'
    : spec.exclusive
      ? 'exclusive-owner'
      : spec.durable
        ? undefined
        : 'non-durable'
  if (property !== undefined) {
    throw new Refused('precondition-failed', `invalid property '${property}' for ${where}`)
  }
  return type
}

/**
 * @param claimant the session that asks for an exclusive queue; undefined for an ordinary one
 * @throws {Refused} 'resource-locked', 'precondition-failed' at the first difference
 */
export function checkSameQueue(queue: ManagedQueue, asked: QueueSpec, claimant: Session | undefined): void {
  const { name, vhost, durable, autoDelete, arguments: args } = queue.definition
  const where = named('queue', name, vhost)
  checkSameOwner(queue, claimant)
  sameProperty('durable', durable, asked.durable && !asked.exclusive, where)
  sameProperty('auto_delete', autoDelete, asked.autoDelete, where)
  sameArguments(comparedQueueArguments, args, asked.arguments, where)
}

/**
 * What the broker's own choice of a name begins with.
 * @throws {Refused} 'precondition-failed'
 */
export function serverNamePrefix(spec: QueueSpec): string {
  const type = textOf(spec.arguments.get('x-queue-type'))
  if (type === 'quorum' || type === 'stream') {
    throw new Refused('precondition-failed', `Cannot declare a server-named queue for type rabbit_${type}_queue`)
  }
  const prefix = textOf(spec.arguments.get(NAME_PREFIX))?.replace(/[\r\n]/g, '')
  if (prefix === undefined || prefix === '') return 'amq.gen'
  if (Buffer.byteLength(prefix) > NAME_PREFIX_BYTES_MAX) {
    throw new Refused('precondition-failed', `Queue name prefix '${prefix}' exceeds the 64-byte limit`)
  }
  return prefix
}

/** What a declaration answers. */
export function countsOf(queue: ManagedQueue): QueueCounts {
  return { name: queue.definition.name, readyCount: queue.readyCount, consumerCount: queue.consumerCount }
}
