/** What the topology answers when it says no, in RabbitMQ's words, and the checks on names. */
import { Refused } from '../../base/errors.ts'
import type { ManagedQueue } from '../queues/queue-definition.ts'
import type { Session } from '../session.ts'
import type { DestinationKind } from './records.ts'

const NAME_BYTES_MAX = 255
const RESERVED_PREFIX = 'amq.'

export const named = (kind: DestinationKind, name: string, vhost: string): string =>
  `${kind} '${name}' in vhost '${vhost}'`

export function notFound(kind: DestinationKind, name: string, vhost: string): Refused {
  return new Refused('not-found', `no ${named(kind, name, vhost)}`)
}

export function inUse(kind: DestinationKind, name: string, vhost: string): Refused {
  return new Refused('precondition-failed', `${named(kind, name, vhost)} in use`)
}

/**
 * A name as it is kept: without line breaks, which RabbitMQ takes out of names too.
 * @throws {Refused} 'precondition-failed'
 */
export function cleanName(kind: DestinationKind, given: string): string {
  const name = /[\r\n]/.test(given) ? given.replace(/[\r\n]/g, '') : given
  if (name.length * 3 > NAME_BYTES_MAX && Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw new Refused('precondition-failed', `${kind} name is longer than ${NAME_BYTES_MAX} bytes`)
  }
  return name
}

export function isReserved(name: string): boolean {
  return name.startsWith(RESERVED_PREFIX)
}

/** Only a new thing needs a free name: what is there already may be declared again. */
export function checkNewName(kind: DestinationKind, name: string): void {
  if (!isReserved(name)) return
  throw new Refused('access-refused', `${kind} name '${name}' contains reserved prefix '${RESERVED_PREFIX}*'`)
}

export function checkNotDefault(exchange: string): void {
  if (exchange === '') throw new Refused('access-refused', 'operation not permitted on the default exchange')
}

/** An exclusive queue belongs to its session. `session` undefined: nobody's. */
export function checkOwner(queue: ManagedQueue, session: Session | undefined): void {
  if (queue.owner !== undefined && queue.owner !== session) throw locked(queue)
}

/** A second declaration must claim the queue exactly as the first did. */
export function checkSameOwner(queue: ManagedQueue, claimant: Session | undefined): void {
  if (queue.owner !== claimant) throw locked(queue)
}

function locked({ definition: { name, vhost } }: ManagedQueue): Refused {
  return new Refused(
    'resource-locked',
    `cannot obtain exclusive access to locked ${named('queue', name, vhost)}. It could be originally declared on ` +
      'another connection or the exclusive property value does not match that of the original declaration.',
  )
}
