/**
 * Readers and writers for what goes by with every message: no object per message, no strings, no BigInt. Readers fill an
 * object that is used again and again; positions are into the buffer given. Writers write a whole frame at `at` and return
 * the position behind it, into room that the size function beside each has counted.
 *
 * An address is `str8 exchange, str8 routing key` (str8: a length octet and the bytes): basic.publish, deliver, get-ok and
 * return all carry it in just this form, so it is copied from one to the other.
 */

import { clipToShortString, shortStringSize, writeShortString } from '../../../base/text.ts'
import { FRAME_HEADER, FRAME_METHOD, FRAME_OVERHEAD_BYTES, unknownFrame } from './frame.ts'
import { writeBytes, writeFrameEnd, writeFrameStart } from './frame-writer.ts'
import { readUint16, readUint32, readUint64, writeUint16, writeUint32, writeUint64 } from './integers.ts'
import { methodNumber } from './method-schema.ts'
import { cannotDecode, WireError } from './wire-error.ts'

const CLASS_BASIC = 60
const METHOD_ID_BYTES = 4

export const BASIC_PUBLISH: number = methodNumber('basic.publish')
export const BASIC_RETURN: number = methodNumber('basic.return')
export const BASIC_DELIVER: number = methodNumber('basic.deliver')
export const BASIC_GET_OK: number = methodNumber('basic.get-ok')
export const BASIC_ACK: number = methodNumber('basic.ack')
export const BASIC_REJECT: number = methodNumber('basic.reject')
export const BASIC_NACK: number = methodNumber('basic.nack')

/**
 * Which method a method frame's payload holds: compare it with `BASIC_PUBLISH` and its siblings.
 * @throws {WireError} 501 for a payload too short to say
 */
export function readMethodNumber(buffer: Buffer, start: number, end: number): number {
  if (end - start < METHOD_ID_BYTES) throw unknownFrame(FRAME_METHOD, buffer, start, end)
  return readUint32(buffer, start)
}

/** Where the arguments of a basic.publish lie. */
export class PublishArguments {
  exchangeStart = 0
  exchangeEnd = 0
  routingKeyStart = 0
  routingKeyEnd = 0
  mandatory = false
  immediate = false

  /** Exchange and routing key with their lengths: an address as it lies there. */
  get addressStart(): number {
    return this.exchangeStart - 1
  }

  get addressEnd(): number {
    return this.routingKeyEnd
  }
}

/**
 * basic.publish: u16 ticket, str8 exchange, str8 routing key, bits mandatory, immediate. The range is a method frame's payload.
 * @throws {WireError} 501
 */
export function readPublish(buffer: Buffer, start: number, end: number, into: PublishArguments): void {
  const exchangeLengthAt = start + METHOD_ID_BYTES + 2
  // The lengths are read only where they exist; behind the end everything counts as too short.
  const routingKeyLengthAt = exchangeLengthAt < end ? exchangeLengthAt + 1 + buffer[exchangeLengthAt]! : end
  const bitsAt = routingKeyLengthAt < end ? routingKeyLengthAt + 1 + buffer[routingKeyLengthAt]! : end
  if (bitsAt + 1 !== end) throw cannotDecode(buffer, start + METHOD_ID_BYTES, end, CLASS_BASIC, 40)
  into.exchangeStart = exchangeLengthAt + 1
  into.exchangeEnd = routingKeyLengthAt
  into.routingKeyStart = routingKeyLengthAt + 1
  into.routingKeyEnd = bitsAt
  const bits = buffer[bitsAt]!
  into.mandatory = (bits & 1) !== 0
  into.immediate = (bits & 2) !== 0
}

/** A basic.ack, nack or reject. Delivery tags beyond 2^53 are rounded: no channel ever gives out one. */
export class SettleArguments {
  deliveryTag = 0
  multiple = false
  requeue = false
}

/** basic.ack: u64 delivery tag, bit multiple. @throws {WireError} 501 */
export function readAck(buffer: Buffer, start: number, end: number, into: SettleArguments): void {
  const bits = readSettle(buffer, start, end, 80, into)
  into.multiple = (bits & 1) !== 0
  into.requeue = false
}

/** basic.reject: u64 delivery tag, bit requeue. @throws {WireError} 501 */
export function readReject(buffer: Buffer, start: number, end: number, into: SettleArguments): void {
  const bits = readSettle(buffer, start, end, 90, into)
  into.multiple = false
  into.requeue = (bits & 1) !== 0
}

/** basic.nack: u64 delivery tag, bits multiple, requeue. @throws {WireError} 501 */
export function readNack(buffer: Buffer, start: number, end: number, into: SettleArguments): void {
  const bits = readSettle(buffer, start, end, 120, into)
  into.multiple = (bits & 1) !== 0
  into.requeue = (bits & 2) !== 0
}

function readSettle(buffer: Buffer, start: number, end: number, methodId: number, into: SettleArguments): number {
  const at = start + METHOD_ID_BYTES
  if (end - at !== 9) throw cannotDecode(buffer, at, end, CLASS_BASIC, methodId)
  into.deliveryTag = readUint64(buffer, at)
  return buffer[at + 8]!
}

/** A content header: drawn in frame-writer.ts. */
export class ContentHeader {
  /** Rounded beyond 2^53: limit it before anything is allocated. */
  bodyBytes = 0
  /** Flags and values, up to the end of the payload. */
  propertiesStart = 0
}

const CONTENT_HEADER_FIXED_BYTES = 12

/**
 * Reads the payload of a header frame that has to follow a basic.publish. Properties are not looked at (scanProperties).
 * @throws {WireError} 501 too short, 505 for another class or a weight, in RabbitMQ's words
 */
export function readContentHeader(buffer: Buffer, start: number, end: number, into: ContentHeader): void {
  if (end - start < CONTENT_HEADER_FIXED_BYTES) throw unknownFrame(FRAME_HEADER, buffer, start, end)
  const classId = readUint16(buffer, start)
  const weight = readUint16(buffer, start + 2)
  if (classId !== CLASS_BASIC || weight !== 0) {
    const got = weight === 0 ? `one for class ${classId}` : 'non content header frame'
    const text = `expected content header for class ${CLASS_BASIC}, got ${got} instead`
    throw new WireError(505, text, CLASS_BASIC, 40)
  }
  into.bodyBytes = readUint64(buffer, start + 4)
  into.propertiesStart = start + CONTENT_HEADER_FIXED_BYTES
}

/** A str8 made ready to be copied into frames: a consumer's tag stays the same for all it is sent. */
export function encodeShortString(text: string): Buffer {
  const bytes = Buffer.alloc(shortStringSize(text))
  writeShortString(bytes, 0, text)
  return bytes
}

/** @param consumerTag from `encodeShortString` */
export function deliverSize(consumerTag: Buffer, address: Buffer): number {
  return FRAME_OVERHEAD_BYTES + METHOD_ID_BYTES + consumerTag.length + 9 + address.length
}

/** basic.deliver: str8 consumer tag, u64 delivery tag, bit redelivered, address. */
export function writeDeliver(
  target: Buffer,
  at: number,
  channel: number,
  consumerTag: Buffer,
  deliveryTag: number,
  redelivered: boolean,
  address: Buffer,
): number {
  let next = writeUint32(target, writeFrameStart(target, at, FRAME_METHOD, channel), BASIC_DELIVER)
  next = writeBytes(target, next, consumerTag, 0, consumerTag.length)
  next = writeUint64(target, next, deliveryTag)
  target[next] = redelivered ? 1 : 0
  next = writeBytes(target, next + 1, address, 0, address.length)
  return writeFrameEnd(target, at, next)
}

export function getOkSize(address: Buffer): number {
  return FRAME_OVERHEAD_BYTES + METHOD_ID_BYTES + 9 + address.length + 4
}

/** basic.get-ok: u64 delivery tag, bit redelivered, address, u32 message count. */
export function writeGetOk(
  target: Buffer,
  at: number,
  channel: number,
  deliveryTag: number,
  redelivered: boolean,
  address: Buffer,
  messageCount: number,
): number {
  let next = writeUint32(target, writeFrameStart(target, at, FRAME_METHOD, channel), BASIC_GET_OK)
  next = writeUint64(target, next, deliveryTag)
  target[next] = redelivered ? 1 : 0
  next = writeBytes(target, next + 1, address, 0, address.length)
  next = writeUint32(target, next, messageCount)
  return writeFrameEnd(target, at, next)
}

export function returnSize(replyText: string, address: Buffer): number {
  return FRAME_OVERHEAD_BYTES + METHOD_ID_BYTES + 2 + shortStringSize(clipToShortString(replyText)) + address.length
}

/** basic.return: u16 reply code, str8 reply text, address. */
export function writeReturn(
  target: Buffer,
  at: number,
  channel: number,
  replyCode: number,
  replyText: string,
  address: Buffer,
): number {
  let next = writeUint32(target, writeFrameStart(target, at, FRAME_METHOD, channel), BASIC_RETURN)
  next = writeUint16(target, next, replyCode)
  next = writeShortString(target, next, clipToShortString(replyText))
  next = writeBytes(target, next, address, 0, address.length)
  return writeFrameEnd(target, at, next)
}

/** Size of a basic.ack, nack or reject frame. */
export const SETTLE_FRAME_BYTES: number = FRAME_OVERHEAD_BYTES + METHOD_ID_BYTES + 9

export function writeAck(target: Buffer, at: number, channel: number, deliveryTag: number, multiple: boolean): number {
  return writeSettle(target, at, channel, BASIC_ACK, deliveryTag, multiple ? 1 : 0)
}

export function writeReject(
  target: Buffer,
  at: number,
  channel: number,
  deliveryTag: number,
  requeue: boolean,
): number {
  return writeSettle(target, at, channel, BASIC_REJECT, deliveryTag, requeue ? 1 : 0)
}

export function writeNack(
  target: Buffer,
  at: number,
  channel: number,
  deliveryTag: number,
  multiple: boolean,
  requeue: boolean,
): number {
  return writeSettle(target, at, channel, BASIC_NACK, deliveryTag, (multiple ? 1 : 0) | (requeue ? 2 : 0))
}

function writeSettle(
  target: Buffer,
  at: number,
  channel: number,
  method: number,
  deliveryTag: number,
  bits: number,
): number {
  let next = writeUint32(target, writeFrameStart(target, at, FRAME_METHOD, channel), method)
  next = writeUint64(target, next, deliveryTag)
  target[next] = bits
  return writeFrameEnd(target, at, next + 1)
}

/** Size of the frame `writePublish` writes. */
export function publishSize(address: Buffer): number {
  return FRAME_OVERHEAD_BYTES + METHOD_ID_BYTES + 2 + address.length + 1
}

/** basic.publish, for clients of our own: load generators and tests. */
export function writePublish(target: Buffer, at: number, channel: number, address: Buffer, mandatory: boolean): number {
  let next = writeUint32(target, writeFrameStart(target, at, FRAME_METHOD, channel), BASIC_PUBLISH)
  next = writeUint16(target, next, 0)
  next = writeBytes(target, next, address, 0, address.length)
  target[next] = mandatory ? 1 : 0
  return writeFrameEnd(target, at, next + 1)
}
