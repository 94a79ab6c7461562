/**
 * How the topology lies in the metadata: one key for each durable thing, names escaped so that any name works and a
 * prefix cannot reach into another vhost.
 *
 *     vhost/<vhost>                                    {}
 *     exchange/<vhost>/<name>                          type, autoDelete, internal, arguments
 *     queue/<vhost>/<name>                             id, autoDelete, arguments; a stream also: stream (below)
 *     binding/<vhost>/<source>/<binding id>            source, kind, destination, routingKey, arguments
 *     queue-ids                                        the first queue id not yet given to any broker
 *
 * A stream is a queue with more to it: {"id": 32 hex digits, "partitions": [id, ...], "configs": {name: value},
 * "internal": boolean}. One key holds both, so that a name is taken once, whoever takes it.
 *
 * A thing is written before what refers to it and deleted before it too, so a crash in between leaves at most bindings
 * without an end: recovery drops those.
 */
import { createHash } from 'node:crypto'
import { StorageError } from '../../base/errors.ts'
import type { FieldTable } from '../../base/field-value.ts'
import type { ExchangeDefinition } from '../routing/route-graph.ts'
import type { BindingSpec } from '../session.ts'
import type { StreamDefinition } from '../streams/stream-definition.ts'
import { canonicalTableText, tableFromJson, tableToJson } from './table-json.ts'

export type DestinationKind = 'queue' | 'exchange'

export const QUEUE_IDS_KEY = 'queue-ids'
export const VHOST_PREFIX = 'vhost/'
export const vhostKey = (vhost: string): string => `${VHOST_PREFIX}${escaped(vhost)}`
export const exchangePrefix = (vhost: string): string => `exchange/${escaped(vhost)}/`
export const queuePrefix = (vhost: string): string => `queue/${escaped(vhost)}/`
export const bindingPrefix = (vhost: string): string => `binding/${escaped(vhost)}/`
export const exchangeKey = (vhost: string, name: string): string => exchangePrefix(vhost) + escaped(name)
export const queueKey = (vhost: string, name: string): string => queuePrefix(vhost) + escaped(name)
export const bindingKey = (vhost: string, source: string, id: string): string =>
  `${bindingPrefix(vhost)}${escaped(source)}/${id}`

/** What tells the bindings of one source apart: destination, key and arguments, these by their digest. */
export function bindingId(kind: DestinationKind, destination: string, routingKey: string, args: FieldTable): string {
  const digest =
    args.size === 0 ? '' : createHash('sha256').update(canonicalTableText(args)).digest('base64url').slice(0, 32)
  return `${kind}/${escaped(destination)}/${escaped(routingKey)}/${digest}`
}

/** Letters, digits, '-' and '_' stay; every other byte of the UTF-8 form becomes '=' and two hex digits. */
export function escaped(name: string): string {
  if (/^[\w-]*$/.test(name)) return name
  let text = ''
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte)
    text += /[\w-]/.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`
  }
  return text
}

/** @throws {StorageError} 'damaged' */
export function unescaped(text: string): string {
  const bytes: number[] = []
  for (const [part, hex] of text.matchAll(/=([0-9a-f]{2})|[\w-]/g)) {
    bytes.push(hex === undefined ? part.charCodeAt(0) : Number.parseInt(hex, 16))
  }
  const name = Buffer.from(bytes).toString()
  if (escaped(name) !== text) throw new StorageError('damaged', `not an escaped name: ${text}`)
  return name
}

export function exchangeToText(definition: ExchangeDefinition): string {
  const { type, autoDelete, internal } = definition
  return JSON.stringify({ type, autoDelete, internal, arguments: tableToJson(definition.arguments) })
}

export function exchangeFromText(vhost: string, name: string, text: string): ExchangeDefinition {
  const record = recordOf(text)
  return {
    vhost,
    name,
    type: stringIn(record, 'type'),
    durable: true,
    autoDelete: booleanIn(record, 'autoDelete'),
    internal: booleanIn(record, 'internal'),
    arguments: tableFromJson(record.get('arguments')),
  }
}

export interface QueueRecord {
  readonly id: number
  readonly autoDelete: boolean
  readonly arguments: FieldTable
  readonly stream?: StreamDefinition
}

export function queueToText({ id, autoDelete, arguments: args, stream }: QueueRecord): string {
  return JSON.stringify({ id, autoDelete, arguments: tableToJson(args), stream: stream && streamToJson(stream) })
}

function streamToJson({ id, partitionIds, configs, isInternal }: StreamDefinition): object {
  return {
    id: id.toString('hex'),
    partitions: partitionIds,
    configs: Object.fromEntries(configs),
    internal: isInternal,
  }
}

/** @throws {StorageError} 'damaged' */
function streamFromJson(json: unknown): StreamDefinition {
  const record = mapOf(json)
  const id = Buffer.from(stringIn(record, 'id'), 'hex')
  const partitionIds = record.get('partitions')
  const configs = mapOf(record.get('configs'))
  const isWhole =
    id.length === 16 && Array.isArray(partitionIds) && partitionIds.every((one) => Number.isSafeInteger(one))
  if (!isWhole) throw new StorageError('damaged', `a stored stream without id or partitions: ${JSON.stringify(json)}`)
  return {
    id,
    partitionIds: partitionIds.map(Number),
    configs: new Map([...configs].map(([name, value]) => [name, String(value)])),
    isInternal: booleanIn(record, 'internal'),
  }
}

export function queueFromText(text: string): QueueRecord {
  const record = recordOf(text)
  const id = record.get('id')
  if (!Number.isSafeInteger(id))
    throw new StorageError('damaged', `a stored queue without an id: ${text.slice(0, 200)}`)
  return {
    id: Number(id),
    autoDelete: booleanIn(record, 'autoDelete'),
    arguments: tableFromJson(record.get('arguments')),
    ...(record.has('stream') ? { stream: streamFromJson(record.get('stream')) } : {}),
  }
}

export interface BindingRecord extends BindingSpec {
  readonly kind: DestinationKind
}

export function bindingToText({ source, kind, destination, routingKey, arguments: args }: BindingRecord): string {
  return JSON.stringify({ source, kind, destination, routingKey, arguments: tableToJson(args) })
}

export function bindingFromText(text: string): BindingRecord {
  const record = recordOf(text)
  const kind = stringIn(record, 'kind')
  if (kind !== 'queue' && kind !== 'exchange') throw new StorageError('damaged', `a stored binding to a ${kind}`)
  return {
    source: stringIn(record, 'source'),
    kind,
    destination: stringIn(record, 'destination'),
    routingKey: stringIn(record, 'routingKey'),
    arguments: tableFromJson(record.get('arguments')),
  }
}

function recordOf(text: string): ReadonlyMap<string, unknown> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new StorageError('damaged', `metadata is not JSON: ${text.slice(0, 200)}`, { cause })
  }
  return mapOf(json)
}

function mapOf(json: unknown): ReadonlyMap<string, unknown> {
  if (typeof json === 'object' && json !== null) return new Map(Object.entries(json))
  throw new StorageError('damaged', `metadata is no record: ${JSON.stringify(json)?.slice(0, 200)}`)
}

function stringIn(record: ReadonlyMap<string, unknown>, name: string): string {
  const value = record.get(name)
  if (typeof value !== 'string') throw new StorageError('damaged', `metadata without ${name}`)
  return value
}

function booleanIn(record: ReadonlyMap<string, unknown>, name: string): boolean {
  const value = record.get(name)
  if (typeof value !== 'boolean') throw new StorageError('damaged', `metadata without ${name}`)
  return value
}
