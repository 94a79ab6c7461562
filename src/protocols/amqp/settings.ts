/**
 * What of the protocol can be set, with the defaults. Who reads it from flags or files is not decided here.
 */

/** What `connection.start` says about us. Clients look for features by product and version, so both can be changed. */
export interface ServerIdentity {
  readonly product: string
  readonly version: string
  readonly platform: string
  readonly copyright: string
  readonly information: string
  readonly clusterName: string
}

export interface AmqpSettings {
  readonly identity: ServerIdentity
  /** Largest frame, offered to the client, who may ask for less. */
  readonly frameMax: number
  /** Open channels per connection, offered to the client, who may ask for less. */
  readonly channelMax: number
  /** Suggested to the client, whose own value counts; 0 is none. */
  readonly heartbeatSeconds: number
  /** Body bytes of one message; also the limit for all messages of a connection whose bodies are still arriving. */
  readonly messageBytesMax: number
  /** Bytes that the transactions of a connection may hold before their commit. */
  readonly transactionBytesMax: number
  /** A client that has not opened its vhost by then is dropped. */
  readonly handshakeTimeoutMs: number
  /** A refused login without `authentication_failure_close` is dropped after this: it slows down guessing. */
  readonly refusalDelayMs: number
  /** How long a peer may take to answer connection.close, or to close its side. */
  readonly closeTimeoutMs: number
  /** The same while the broker goes down: a container is given ten seconds for everything. */
  readonly shutdownTimeoutMs: number
  /** Bytes a peer may leave unread before we stop reading what it sends; deliveries stop long before. */
  readonly unreadBytesMax: number
  /** A peer that has not read anything for so long, while we had stopped for it, is dropped. */
  readonly stallTimeoutMs: number
}

/** What every client can use: smaller frames are refused. */
export const FRAME_MAX_LOWEST = 4096

const MIB = 1024 * 1024

export const defaultAmqpSettings: AmqpSettings = {
  identity: {
    product: 'busbar',
    version: '0.1.0',
    platform: `Node.js ${process.versions.node}`,
    copyright: 'Copyright (c) the busbar authors',
    information: 'Licensed under the Apache License 2.0',
    clusterName: 'busbar',
  },
  frameMax: 131_072,
  channelMax: 2047,
  heartbeatSeconds: 60,
  messageBytesMax: 128 * MIB,
  transactionBytesMax: 256 * MIB,
  handshakeTimeoutMs: 10_000,
  refusalDelayMs: 1000,
  closeTimeoutMs: 10_000,
  shutdownTimeoutMs: 2_000,
  unreadBytesMax: 16 * MIB,
  stallTimeoutMs: 60_000,
}
