/**
 * What a decoder throws when a client's bytes make no sense. It always ends the connection: after it, nothing says that
 * the next octet means what it seems to. The message is RabbitMQ's text without the name of the code in front; the
 * connection adds that (see `replyText`).
 */
import { octets } from './octets.ts'
import type { ReplyCode } from './reply-codes.ts'

export class WireError extends Error {
  readonly replyCode: ReplyCode
  /** The method at fault, 0 and 0 when no method can be named. */
  readonly classId: number
  readonly methodId: number

  constructor(replyCode: ReplyCode, message: string, classId = 0, methodId = 0) {
    super(message)
    this.name = 'WireError'
    this.replyCode = replyCode
    this.classId = classId
    this.methodId = methodId
  }
}

/** How many octets of a method's arguments an error shows: the reply text has room for 255 characters. */
const ARGUMENT_OCTETS_SHOWN = 48

/** The arguments of a method (`start` is behind the class and method id) do not fit its definition. */
export function cannotDecode(buffer: Buffer, start: number, end: number, classId: number, methodId: number): WireError {
  const shown = octets(buffer, start, end, ARGUMENT_OCTETS_SHOWN)
  return new WireError(501, `cannot decode ${shown}`, classId, methodId)
}
