/**
 * From any error to what the client is told: the one table of this protocol from `RefusedReason` to a reply code, and
 * what happens with errors that are not the client's. Sends nothing itself.
 */
import { Refused, type RefusedReason, StorageError, unreachable } from '../../base/errors.ts'
import type { SessionEnd } from '../../broker/session.ts'
import { isChannelError, type ReplyCode, replyText } from './wire/reply-codes.ts'
import { WireError } from './wire/wire-error.ts'

/** Whether a code ends the channel or the connection follows from the code (see wire/reply-codes.ts). */
const REPLY_CODES: { readonly [reason in RefusedReason]: ReplyCode } = {
  'access-refused': 403,
  'not-found': 404,
  'resource-locked': 405,
  'precondition-failed': 406,
  'command-invalid': 503,
  'not-allowed': 530,
  'not-implemented': 540,
  'internal-error': 541,
}

/** A channel.close or connection.close to be sent. */
export interface Answer {
  readonly ends: 'channel' | 'connection'
  readonly replyCode: ReplyCode
  readonly replyText: string
  readonly classId: number
  readonly methodId: number
  /** Whose fault it is: 'ours' is logged with its stack. */
  readonly fault: 'client' | 'world' | 'ours'
}

/** For a method that must not come now, whatever it says: ends the connection. */
export function misplacedMethod(replyCode: ReplyCode, text: string, method: number): WireError {
  return new WireError(replyCode, text, Math.floor(method / 0x10000), method % 0x10000)
}

/** @param method number of the method at work when the error came up, 0 for none */
export function answerTo(error: unknown, method: number): Answer {
  if (error instanceof WireError) return wireAnswer(error)
  if (error instanceof Refused) return answer(REPLY_CODES[error.reason], error.message, method, 'client')
  if (error instanceof StorageError) return answer(541, `storage: ${error.message}`, method, 'world')
  // As RabbitMQ: no detail of a bug goes out, and no method is named.
  return answer(541, '', 0, 'ours')
}

function wireAnswer(error: WireError): Answer {
  const { replyCode, classId, methodId } = error
  const text = replyText(replyCode, error.message)
  return { ends: 'connection', replyCode, replyText: text, classId, methodId, fault: 'client' }
}

function answer(replyCode: ReplyCode, detail: string, method: number, fault: Answer['fault']): Answer {
  return {
    ends: isChannelError(replyCode) ? 'channel' : 'connection',
    replyCode,
    replyText: replyText(replyCode, detail),
    classId: Math.floor(method / 0x10000),
    methodId: method % 0x10000,
    fault,
  }
}

/** What a client is told when the broker ends its session. */
export function answerToEnd(reason: SessionEnd): Answer {
  switch (reason.kind) {
    case 'shutdown':
      return answer(320, "broker forced connection closure with reason 'shutdown'", 0, 'world')
    case 'forced':
      return answer(320, reason.message, 0, 'world')
    case 'storage-failed':
      return answer(541, `storage: ${reason.message}`, 0, 'world')
    default:
      unreachable(reason)
  }
}
