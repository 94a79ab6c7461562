/**
 * The three kinds of error, never mixed (the client's fault, the world's fault, our fault). This file knows no
 * protocol: each protocol keeps one table from `RefusedReason` to its own code.
 */

/** Why a client's request was turned down. Closed on purpose: a protocol's table must cover every member. */
export type RefusedReason =
  | 'access-refused' // not allowed by permissions or by the nature of the object
  | 'not-allowed' // the connection as a whole may not do this (vhost missing, limit reached)
  | 'not-found'
  | 'resource-locked' // an exclusive queue of another connection
  | 'precondition-failed' // exists with other properties, or an argument is invalid
  | 'not-implemented'
  | 'command-invalid' // a request that makes no sense as a whole
  | 'internal-error'

/** The client's fault. The message is shown to the client: it says what is wrong and what to change. */
export class Refused extends Error {
  readonly reason: RefusedReason

  constructor(reason: RefusedReason, message: string) {
    super(message)
    this.name = 'Refused'
    this.reason = reason
  }
}

export type StorageErrorCode =
  | 'closed' // the journal or storage was closed
  | 'fenced' // another owner claimed the shard
  | 'locked' // another process holds the data directory
  | 'unwritable' // the data directory cannot be created or written
  | 'newer-format' // written by a newer version
  | 'damaged' // bytes on disk fail their checksum
  | 'disk-full'
  | 'write-failed' // a write or flush failed: nothing past the watermark is durable
  | 'offset-out-of-range'
  | 'conflict' // compare-and-set on metadata lost

/** The world's fault: disk. `retriable` tells whether the same call may succeed later. */
export class StorageError extends Error {
  readonly code: StorageErrorCode
  readonly retriable: boolean

  constructor(code: StorageErrorCode, message: string, options?: { cause?: unknown; retriable?: boolean }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StorageError'
    this.code = code
    this.retriable = options?.retriable ?? false
  }
}

/** The world's fault: sockets, listeners, peers. */
export class NetError extends Error {
  readonly retriable: boolean

  constructor(message: string, options?: { cause?: unknown; retriable?: boolean }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'NetError'
    this.retriable = options?.retriable ?? false
  }
}

/** Our fault. Never caught to carry on: the connection, or the process, ends. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(`invariant violated: ${message}`)
    this.name = 'InvariantError'
  }
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** Fails to compile where a tagged union is not handled whole. */
export function unreachable(value: never): never {
  throw new InvariantError(`unhandled case ${String(value)}`)
}
