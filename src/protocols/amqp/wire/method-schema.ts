/**
 * Every method of AMQP 0-9-1 with RabbitMQ's extensions: the one table from which types, decoding and encoding derive.
 * Arguments stand in the order of the wire. Only data here; the work is in methods.ts.
 */
import type { FieldTable } from '../../../base/field-value.ts'

interface ArgumentTypes {
  /** Consecutive bits share an octet, the first in its lowest bit. */
  bit: boolean
  octet: number
  short: number
  long: number
  /** Exact up to 2^53. */
  longlong: number
  shortstr: string
  /** A short string for people, cut to 255 bytes when written: reply texts carry names and grow. */
  notice: string
  /** A long string that is text, and one that is bytes (credentials, challenges). */
  longtext: string
  longbytes: Buffer
  table: FieldTable
}

export type ArgumentType = keyof ArgumentTypes

interface MethodSchema {
  readonly id: readonly [classId: number, methodId: number]
  /** Followed by a content header and body. RabbitMQ does not insist on UTF-8 in the names of such a method. */
  readonly hasContent?: true
  readonly arguments: { readonly [name: string]: ArgumentType }
}

const none = {} as const
const close = { replyCode: 'short', replyText: 'notice', classId: 'short', methodId: 'short' } as const
const tune = { channelMax: 'short', frameMax: 'long', heartbeat: 'short' } as const
const exchangeBinding = {
  ticket: 'short',
  destination: 'shortstr',
  source: 'shortstr',
  routingKey: 'shortstr',
  nowait: 'bit',
  arguments: 'table',
} as const

export const methodSchemas = {
  'connection.start': {
    id: [10, 10],
    arguments: {
      versionMajor: 'octet',
      versionMinor: 'octet',
      serverProperties: 'table',
      mechanisms: 'longtext',
      locales: 'longtext',
    },
  },
  'connection.start-ok': {
    id: [10, 11],
    arguments: { clientProperties: 'table', mechanism: 'shortstr', response: 'longbytes', locale: 'shortstr' },
  },
  'connection.secure': { id: [10, 20], arguments: { challenge: 'longbytes' } },
  'connection.secure-ok': { id: [10, 21], arguments: { response: 'longbytes' } },
  'connection.tune': { id: [10, 30], arguments: tune },
  'connection.tune-ok': { id: [10, 31], arguments: tune },
  'connection.open': {
    id: [10, 40],
    arguments: { virtualHost: 'shortstr', capabilities: 'shortstr', insist: 'bit' },
  },
  'connection.open-ok': { id: [10, 41], arguments: { knownHosts: 'shortstr' } },
  'connection.close': { id: [10, 50], arguments: close },
  'connection.close-ok': { id: [10, 51], arguments: none },
  'connection.blocked': { id: [10, 60], arguments: { reason: 'notice' } },
  'connection.unblocked': { id: [10, 61], arguments: none },
  'connection.update-secret': { id: [10, 70], arguments: { newSecret: 'longbytes', reason: 'notice' } },
  'connection.update-secret-ok': { id: [10, 71], arguments: none },

  'channel.open': { id: [20, 10], arguments: { outOfBand: 'shortstr' } },
  'channel.open-ok': { id: [20, 11], arguments: { channelId: 'longtext' } },
  'channel.flow': { id: [20, 20], arguments: { active: 'bit' } },
  'channel.flow-ok': { id: [20, 21], arguments: { active: 'bit' } },
  'channel.close': { id: [20, 40], arguments: close },
  'channel.close-ok': { id: [20, 41], arguments: none },

  'access.request': {
    id: [30, 10],
    arguments: { realm: 'shortstr', exclusive: 'bit', passive: 'bit', active: 'bit', write: 'bit', read: 'bit' },
  },
  'access.request-ok': { id: [30, 11], arguments: { ticket: 'short' } },

  'exchange.declare': {
    id: [40, 10],
    arguments: {
      ticket: 'short',
      exchange: 'shortstr',
      type: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      autoDelete: 'bit',
      internal: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'exchange.declare-ok': { id: [40, 11], arguments: none },
  'exchange.delete': {
    id: [40, 20],
    arguments: { ticket: 'short', exchange: 'shortstr', ifUnused: 'bit', nowait: 'bit' },
  },
  'exchange.delete-ok': { id: [40, 21], arguments: none },
  'exchange.bind': { id: [40, 30], arguments: exchangeBinding },
  'exchange.bind-ok': { id: [40, 31], arguments: none },
  'exchange.unbind': { id: [40, 40], arguments: exchangeBinding },
  // 51 and not 41, in RabbitMQ and so in every client.
  'exchange.unbind-ok': { id: [40, 51], arguments: none },

  'queue.declare': {
    id: [50, 10],
    arguments: {
      ticket: 'short',
      queue: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      exclusive: 'bit',
      autoDelete: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'queue.declare-ok': {
    id: [50, 11],
    arguments: { queue: 'shortstr', messageCount: 'long', consumerCount: 'long' },
  },
  'queue.bind': {
    id: [50, 20],
    arguments: {
      ticket: 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'queue.bind-ok': { id: [50, 21], arguments: none },
  'queue.purge': { id: [50, 30], arguments: { ticket: 'short', queue: 'shortstr', nowait: 'bit' } },
  'queue.purge-ok': { id: [50, 31], arguments: { messageCount: 'long' } },
  'queue.delete': {
    id: [50, 40],
    arguments: { ticket: 'short', queue: 'shortstr', ifUnused: 'bit', ifEmpty: 'bit', nowait: 'bit' },
  },
  'queue.delete-ok': { id: [50, 41], arguments: { messageCount: 'long' } },
  'queue.unbind': {
    id: [50, 50],
    arguments: {
      ticket: 'short',
      queue: 'shortstr',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      arguments: 'table',
    },
  },
  'queue.unbind-ok': { id: [50, 51], arguments: none },

  'basic.qos': { id: [60, 10], arguments: { prefetchSize: 'long', prefetchCount: 'short', global: 'bit' } },
  'basic.qos-ok': { id: [60, 11], arguments: none },
  'basic.consume': {
    id: [60, 20],
    arguments: {
      ticket: 'short',
      queue: 'shortstr',
      consumerTag: 'shortstr',
      noLocal: 'bit',
      noAck: 'bit',
      exclusive: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'basic.consume-ok': { id: [60, 21], arguments: { consumerTag: 'shortstr' } },
  'basic.cancel': { id: [60, 30], arguments: { consumerTag: 'shortstr', nowait: 'bit' } },
  'basic.cancel-ok': { id: [60, 31], arguments: { consumerTag: 'shortstr' } },
  'basic.publish': {
    id: [60, 40],
    hasContent: true,
    arguments: { ticket: 'short', exchange: 'shortstr', routingKey: 'shortstr', mandatory: 'bit', immediate: 'bit' },
  },
  'basic.return': {
    id: [60, 50],
    hasContent: true,
    arguments: { replyCode: 'short', replyText: 'notice', exchange: 'shortstr', routingKey: 'shortstr' },
  },
  'basic.deliver': {
    id: [60, 60],
    hasContent: true,
    arguments: {
      consumerTag: 'shortstr',
      deliveryTag: 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      routingKey: 'shortstr',
    },
  },
  'basic.get': { id: [60, 70], arguments: { ticket: 'short', queue: 'shortstr', noAck: 'bit' } },
  'basic.get-ok': {
    id: [60, 71],
    hasContent: true,
    arguments: {
      deliveryTag: 'longlong',
      redelivered: 'bit',
      exchange: 'shortstr',
      routingKey: 'shortstr',
      messageCount: 'long',
    },
  },
  'basic.get-empty': { id: [60, 72], arguments: { clusterId: 'shortstr' } },
  'basic.ack': { id: [60, 80], arguments: { deliveryTag: 'longlong', multiple: 'bit' } },
  'basic.reject': { id: [60, 90], arguments: { deliveryTag: 'longlong', requeue: 'bit' } },
  'basic.recover-async': { id: [60, 100], arguments: { requeue: 'bit' } },
  'basic.recover': { id: [60, 110], arguments: { requeue: 'bit' } },
  'basic.recover-ok': { id: [60, 111], arguments: none },
  'basic.nack': { id: [60, 120], arguments: { deliveryTag: 'longlong', multiple: 'bit', requeue: 'bit' } },

  'confirm.select': { id: [85, 10], arguments: { nowait: 'bit' } },
  'confirm.select-ok': { id: [85, 11], arguments: none },

  'tx.select': { id: [90, 10], arguments: none },
  'tx.select-ok': { id: [90, 11], arguments: none },
  'tx.commit': { id: [90, 20], arguments: none },
  'tx.commit-ok': { id: [90, 21], arguments: none },
  'tx.rollback': { id: [90, 30], arguments: none },
  'tx.rollback-ok': { id: [90, 31], arguments: none },
} as const satisfies { readonly [kind: string]: MethodSchema }

type Schemas = typeof methodSchemas

export type MethodKind = keyof Schemas

/** The arguments of one kind of method, by name. */
export type MethodArguments<K extends MethodKind> = {
  readonly [A in keyof Schemas[K]['arguments']]: Schemas[K]['arguments'][A] extends ArgumentType
    ? ArgumentTypes[Schemas[K]['arguments'][A]]
    : never
}

/** `MethodOf<'queue.declare'>` is `{ kind: 'queue.declare', ticket: number, queue: string, ... }`. */
export type MethodOf<K extends MethodKind> = { readonly kind: K } & MethodArguments<K>

/** A decoded method, told apart by `kind`. */
export type Method = { [K in MethodKind]: MethodOf<K> }[MethodKind]

/** Class and method id as one number: the first four octets of a method frame's payload. */
export function methodNumber(kind: MethodKind): number {
  const [classId, methodId] = methodSchemas[kind].id
  return classId * 0x10000 + methodId
}
