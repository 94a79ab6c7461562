/** What a server answered, as one line of text that is the same in every run: no generated name, no time, no token. */
import type { FieldTable } from '../../../src/base/field-value.ts'
import type { Method } from '../../../src/protocols/amqp/wire/method-schema.ts'
import { type PlainValue, plainTable } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import type { Properties } from '../../../src/protocols/amqp/wire/properties.ts'
import type { Received } from './peer.ts'

export function shown(received: Received): string {
  switch (received.kind) {
    case 'closed':
      return 'connection cut'
    case 'hello':
      return `protocol header ${JSON.stringify(received.bytes.toString('latin1'))}`
    case 'body':
      return `body ${JSON.stringify(received.bytes.toString('latin1'))}`
    case 'header':
      return `header ${received.sizeBytes} bytes${shownProperties(received.properties)}`
    case 'method':
      return shownMethod(received.method)
  }
}

function shownMethod(method: Method): string {
  switch (method.kind) {
    case 'connection.close':
    case 'channel.close':
      return `${method.kind} ${method.replyCode} ${method.replyText} [${method.classId},${method.methodId}]`
    case 'connection.start':
      return `connection.start ${method.versionMajor}.${method.versionMinor}`
    default: {
      const { kind, ...given } = method
      const words = Object.entries(given).map(([name, value]) => `${name}=${shownValue(value)}`)
      return [kind, ...words].join(' ')
    }
  }
}

function shownProperties(properties: Properties): string {
  return Object.entries(properties)
    .map(([name, value]) => ` ${name}=${shownValue(value)}`)
    .join('')
}

function shownValue(value: unknown): string {
  if (value instanceof Map) return JSON.stringify(jsonOf(plainTable(value as FieldTable)))
  if (typeof value === 'string') return steady(value)
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value)
}

/** Times differ in every run. */
function jsonOf(value: PlainValue): unknown {
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === 'time' ? '*' : jsonOf(inner)]))
}

function steady(text: string): string {
  return text
    .replace(/amq\.(gen|ctag)-[\w-]+/g, 'amq.$1-*')
    .replace(/amq\.rabbitmq\.reply-to\..+/, 'amq.rabbitmq.reply-to.*')
}
