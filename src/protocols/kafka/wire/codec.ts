/**
 * Requests and responses of every Kafka API here, between bytes and objects, both ways: a broker decodes requests and
 * encodes responses, tests and load generators the other way round. What an object looks like stands in `schemas/`; the
 * functions that read and write it are compiled when a version is first used. Which versions are served is not decided here.
 *
 * A frame as it is sent:
 *
 *     size i32 | correlation id i32 | [tagged fields] | body                                               response
 *     size i32 | api key i16 | api version i16 | correlation id i32 | client id | [tagged fields] | body   request
 *
 * The tagged fields of the header come with flexible versions; never in a response of ApiVersions, which a client reads
 * before it knows what the broker speaks.
 */
import { invariant } from '../../../base/errors.ts'
import { compileDecoder, type Decode } from './compile-decoder.ts'
import { compileEncoder, type Encode } from './compile-encoder.ts'
import { KafkaWireError } from './kafka-wire-error.ts'
import { type ApiSchema, parseFields } from './schema.ts'
import { API, type ApiMessages, apiSchemas } from './schemas/apis.gen.ts'
import { WireReader } from './wire-reader.ts'
import { type ByteSink, WireWriter } from './wire-writer.ts'

export type ApiKey = keyof ApiMessages

/** As a decoder gives it: nothing is missing. A response's type also allows what its writer may leave out. */
export type Decoded<T> = T extends Buffer
  ? T
  : T extends readonly (infer Element)[]
    ? Element extends Buffer
      ? never
      : readonly Decoded<Element>[]
    : T extends object
      ? { readonly [Name in keyof T]-?: Decoded<Exclude<T[Name], undefined>> }
      : T

/** As an encoder takes it: what is left out is written as its default. */
export type Draft<T> = T extends Buffer
  ? T
  : T extends readonly (infer Element)[]
    ? readonly Draft<Element>[]
    : T extends object
      ? { readonly [Name in keyof T]?: Draft<T[Name]> | undefined }
      : T

export type RequestOf<Key extends number> = Key extends ApiKey ? ApiMessages[Key]['request'] : unknown
export type ResponseOf<Key extends number> = Key extends ApiKey ? ApiMessages[Key]['response'] : unknown

/** What is compiled of one version of an API. */
interface Plans {
  decodeRequest?: Decode<unknown>
  encodeRequest?: Encode<unknown>
  decodeResponse?: Decode<unknown>
  encodeResponse?: Encode<unknown>
}

const schemas: (ApiSchema | undefined)[] = []
for (const schema of apiSchemas) schemas[schema.key] = schema

/** By API key and version. */
const plans: Plans[][] = schemas.map(() => [])

/** Encoding never waits, so one writer serves everybody. */
const writer = new WireWriter()

/** The versions whose encoding is known here; undefined for an API that is not. */
export function knownVersions(apiKey: number): { readonly min: number; readonly max: number } | undefined {
  const schema = schemas[apiKey]
  return schema === undefined ? undefined : { min: schema.versionMin, max: schema.versionMax }
}

/** `Fetch`; `undefined` for an API not known here. */
export function apiName(apiKey: number): string | undefined {
  return schemas[apiKey]?.name
}

export function isKnown(apiKey: number, version: number): boolean {
  const schema = schemas[apiKey]
  return schema !== undefined && version >= schema.versionMin && version <= schema.versionMax
}

/** False also for what is not known. A version above the known ones counts as flexible when the newest one is. */
export function isFlexible(apiKey: number, version: number): boolean {
  const from = schemas[apiKey]?.flexibleFrom
  return from !== undefined && version >= from
}

function plansOf(apiKey: number, version: number): Plans {
  const known = plans[apiKey]?.[version]
  if (known !== undefined) return known
  if (!isKnown(apiKey, version)) throw new KafkaWireError(`API ${apiKey} version ${version} is not known`)
  const made: Plans = {}
  plans[apiKey]![version] = made
  return made
}

function fieldsOf(apiKey: number, side: 'request' | 'response'): ReturnType<typeof parseFields> {
  const schema = schemas[apiKey]!
  return parseFields(schema[side], schema.versionMin, schema.versionMax)
}

const compiledDecoder = (apiKey: number, version: number, side: 'request' | 'response'): Decode<unknown> =>
  compileDecoder(fieldsOf(apiKey, side), version, isFlexible(apiKey, version))

/**
 * The body of a request, in buffer[start, end). Its bytes and records are views of `buffer`.
 * @throws {KafkaWireError} for malformed bytes, and for a version not known here
 */
export function decodeRequest<Key extends number>(
  apiKey: Key,
  version: number,
  buffer: Buffer,
  start: number,
  end: number,
): RequestOf<Key> {
  const plan = plansOf(apiKey, version)
  plan.decodeRequest ??= compiledDecoder(apiKey, version, 'request')
  // The key chooses the schema, and the type by the same table.
  return plan.decodeRequest(new WireReader(buffer, start, end)) as RequestOf<Key>
}

/** The body of a response. @throws {KafkaWireError} */
export function decodeResponse<Key extends number>(
  apiKey: Key,
  version: number,
  buffer: Buffer,
  start: number,
  end: number,
): Decoded<ResponseOf<Key>> {
  const plan = plansOf(apiKey, version)
  plan.decodeResponse ??= compiledDecoder(apiKey, version, 'response')
  return plan.decodeResponse(new WireReader(buffer, start, end)) as Decoded<ResponseOf<Key>>
}

/**
 * Writes a whole response frame to `sink`. Large records are handed over as they are: they must not change any more.
 * Returns how many bytes went out. Nothing goes out when it throws.
 * @throws {InvariantError} for a value that does not fit its field
 */
export function writeResponse<Key extends number>(
  sink: ByteSink,
  apiKey: Key,
  version: number,
  correlationId: number,
  response: ResponseOf<Key>,
): number {
  const plan = plansOf(apiKey, version)
  plan.encodeResponse ??= compileEncoder(fieldsOf(apiKey, 'response'), version, isFlexible(apiKey, version), 'left-out')
  writer.begin()
  writer.int32(correlationId)
  if (isFlexible(apiKey, version) && apiKey !== API.ApiVersions) writer.uvarint(0)
  plan.encodeResponse(writer, response)
  return writer.finish(sink)
}

/** A whole response frame as pieces to be sent one after the other. See `writeResponse`. */
export function encodeResponse<Key extends number>(
  apiKey: Key,
  version: number,
  correlationId: number,
  response: ResponseOf<Key>,
): Buffer[] {
  const sink = new PieceList()
  writeResponse(sink, apiKey, version, correlationId, response)
  return sink.pieces
}

/** Writes a whole request frame to `sink`. @throws {InvariantError} for what this version cannot say */
export function writeRequest<Key extends ApiKey>(
  sink: ByteSink,
  apiKey: Key,
  version: number,
  correlationId: number,
  clientId: string | null,
  request: Draft<RequestOf<Key>>,
): number {
  const plan = plansOf(apiKey, version)
  plan.encodeRequest ??= compileEncoder(fieldsOf(apiKey, 'request'), version, isFlexible(apiKey, version), 'refused')
  writer.begin()
  writer.int16(apiKey)
  writer.int16(version)
  writer.int32(correlationId)
  writer.nullableString(clientId)
  if (isFlexible(apiKey, version)) writer.uvarint(0)
  plan.encodeRequest(writer, request)
  return writer.finish(sink)
}

/** A whole request frame as pieces to be sent one after the other. See `writeRequest`. */
export function encodeRequest<Key extends ApiKey>(
  apiKey: Key,
  version: number,
  correlationId: number,
  clientId: string | null,
  request: Draft<RequestOf<Key>>,
): Buffer[] {
  const sink = new PieceList()
  writeRequest(sink, apiKey, version, correlationId, clientId, request)
  return sink.pieces
}

class PieceList implements ByteSink {
  readonly pieces: Buffer[] = []

  writeBorrowed(bytes: Uint8Array): void {
    this.pieces.push(Buffer.from(bytes))
  }

  writeOwned(bytes: Buffer): void {
    this.pieces.push(bytes)
  }
}

/** What stands in front of a request. One object is used again for every request of a connection. */
export class RequestHeader {
  apiKey = 0
  apiVersion = 0
  correlationId = 0
  clientId: string | null = null
  /** Where the body begins; only with `isKnown`. */
  bodyStart = 0
  /**
   * False: the API or version is not known here, and only key, version and correlation id were read. Of ApiVersions that
   * is answered in version 0; every other API ends the connection.
   */
  isKnown = false
}

/** Reads the header of the request in buffer[start, end) into `header`. @throws {KafkaWireError} */
export function readRequestHeader(buffer: Buffer, start: number, end: number, header: RequestHeader): void {
  const reader = new WireReader(buffer, start, end)
  header.apiKey = reader.int16('api key')
  header.apiVersion = reader.int16('api version')
  header.correlationId = reader.int32('correlation id')
  header.isKnown = isKnown(header.apiKey, header.apiVersion)
  header.clientId = null
  header.bodyStart = reader.at
  if (!header.isKnown) return
  header.clientId = reader.nullableString('client id')
  if (isFlexible(header.apiKey, header.apiVersion)) reader.skipTags()
  header.bodyStart = reader.at
}

/** What stands in front of a response to a request of this API and version. @throws {KafkaWireError} */
export function readResponseHeader(
  apiKey: number,
  version: number,
  buffer: Buffer,
  start: number,
  end: number,
): { readonly correlationId: number; readonly bodyStart: number } {
  invariant(isKnown(apiKey, version), `a response of API ${apiKey} version ${version}`)
  const reader = new WireReader(buffer, start, end)
  const correlationId = reader.int32('correlation id')
  if (isFlexible(apiKey, version) && apiKey !== API.ApiVersions) reader.skipTags()
  return { correlationId, bodyStart: reader.at }
}
