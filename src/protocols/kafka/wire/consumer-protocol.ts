/**
 * What consumers of a group tell each other through the coordinator: which topics a member subscribes to, and which
 * partitions the leader gave it. To the coordinator both are opaque; this is for asking who reads a topic, and for tools.
 *
 *     version i16 | body, never flexible
 *
 * A version above the newest known one is read as that one: later versions only add at the end.
 */
import { compileDecoder, type Decode, decodeWith } from './compile-decoder.ts'
import { compileEncoder } from './compile-encoder.ts'
import { KafkaWireError } from './kafka-wire-error.ts'
import { type MessageSchema, parseFields } from './schema.ts'
import {
  type ConsumerProtocolAssignment,
  type ConsumerProtocolSubscription,
  consumerProtocolAssignmentSchema,
  consumerProtocolSubscriptionSchema,
} from './schemas/consumer-protocol.gen.ts'
import { WireWriter } from './wire-writer.ts'

const VERSION_BYTES = 2

const fieldsOf = (schema: MessageSchema): ReturnType<typeof parseFields> =>
  parseFields(schema.fields, schema.versionMin, schema.versionMax)

/** By schema and version, made when first used. */
const decoders = new Map<MessageSchema, Decode<unknown>[]>()

function decoderOf(schema: MessageSchema, version: number): Decode<unknown> {
  let made = decoders.get(schema)
  if (made === undefined) {
    made = []
    decoders.set(schema, made)
  }
  made[version] ??= compileDecoder(fieldsOf(schema), version, false)
  return made[version]
}

/**
 * Borrows `bytes`; user data is a view of them. kafkajs says version 1 and leaves out what version 1 added: a body that
 * ends early is read as that of an older version.
 * @throws {KafkaWireError}
 */
export function decodeSubscription(bytes: Buffer): ConsumerProtocolSubscription {
  return decodePayload(consumerProtocolSubscriptionSchema, bytes) as ConsumerProtocolSubscription
}

/** As `decodeSubscription`. @throws {KafkaWireError} */
export function decodeAssignment(bytes: Buffer): ConsumerProtocolAssignment {
  return decodePayload(consumerProtocolAssignmentSchema, bytes) as ConsumerProtocolAssignment
}

function decodePayload(schema: MessageSchema, bytes: Buffer): unknown {
  if (bytes.length < VERSION_BYTES) throw new KafkaWireError(`${schema.name}: no version`)
  const announced = bytes.readInt16BE(0)
  if (announced < 0) throw new KafkaWireError(`${schema.name}: version ${announced}`)
  for (let version = Math.min(announced, schema.versionMax); ; version--) {
    try {
      return decodeWith(decoderOf(schema, version), bytes, VERSION_BYTES, bytes.length)
    } catch (error) {
      if (!(error instanceof KafkaWireError) || version === schema.versionMin) throw error
    }
  }
}

export function encodeSubscription(subscription: Partial<ConsumerProtocolSubscription>, version = 3): Buffer {
  return encodePayload(consumerProtocolSubscriptionSchema, subscription, version)
}

export function encodeAssignment(assignment: Partial<ConsumerProtocolAssignment>, version = 3): Buffer {
  return encodePayload(consumerProtocolAssignmentSchema, assignment, version)
}

/** Compiled each time: only tests and tools write these. */
function encodePayload(schema: MessageSchema, value: object, version: number): Buffer {
  const writer = new WireWriter()
  writer.int16(version)
  compileEncoder<object>(fieldsOf(schema), version, false, 'left-out')(writer, value)
  return writer.toBuffer()
}
