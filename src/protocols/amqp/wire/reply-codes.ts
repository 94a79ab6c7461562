/**
 * The reply codes of AMQP 0-9-1 and their names, as they stand in front of every reply text (`NOT_FOUND - no queue ...`).
 * Which code an error deserves is not decided here.
 */

export const replyCodeNames = {
  200: 'REPLY_SUCCESS',
  311: 'CONTENT_TOO_LARGE',
  312: 'NO_ROUTE',
  313: 'NO_CONSUMERS',
  320: 'CONNECTION_FORCED',
  402: 'INVALID_PATH',
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  506: 'RESOURCE_ERROR',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
  541: 'INTERNAL_ERROR',
} as const

export type ReplyCode = keyof typeof replyCodeNames

/** Codes that end one channel; every other error code ends the connection (semantics of the 0-9-1 specification). */
const CHANNEL_CODES: ReadonlySet<ReplyCode> = new Set<ReplyCode>([311, 312, 313, 403, 404, 405, 406])

export function isChannelError(code: ReplyCode): boolean {
  return CHANNEL_CODES.has(code)
}

/** `FRAME_ERROR - detail`, or the bare name when there is no detail, as RabbitMQ writes it. */
export function replyText(code: ReplyCode, detail: string): string {
  return detail === '' ? replyCodeNames[code] : `${replyCodeNames[code]} - ${detail}`
}
