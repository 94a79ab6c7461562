/**
 * Writes frames straight into an outgoing buffer: the envelope of any frame, and the content header and body frames of a
 * message. Every `writeX` starts at `at`, returns the position behind what it wrote and checks no room: reserve what the
 * size function beside it says. Drawing of a frame: frame.ts.
 *
 *     content header payload: u16 class id (60), u16 weight (0), u64 body size, property flags and values
 */
import { invariant } from '../../../base/errors.ts'
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_BYTES,
  FRAME_HEARTBEAT,
  FRAME_OVERHEAD_BYTES,
} from './frame.ts'
import { writeUint16, writeUint32, writeUint64 } from './integers.ts'

const CONTENT_HEADER_FIXED_BYTES = 12
const CLASS_BASIC = 60

/** Up to about this many bytes a loop beats the call of `copy`, which costs the same up to some hundred bytes. */
const LOOP_BYTES_MAX = 10

/** Always the same, so it is written as it is. */
export const HEARTBEAT_FRAME: Buffer = Buffer.from([FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END])

/** Begins a frame of a size not known yet, which `writeFrameEnd` fills in. */
export function writeFrameStart(target: Buffer, at: number, type: number, channel: number): number {
  target[at] = type
  writeUint16(target, at + 1, channel)
  return at + FRAME_HEADER_BYTES
}

/** Ends the frame begun at `frameStart` whose payload ends at `payloadEnd`. */
export function writeFrameEnd(target: Buffer, frameStart: number, payloadEnd: number): number {
  writeUint32(target, frameStart + 3, payloadEnd - frameStart - FRAME_HEADER_BYTES)
  target[payloadEnd] = FRAME_END
  return payloadEnd + 1
}

/** Copies source[start, end), quickly also when it is short. */
export function writeBytes(target: Buffer, at: number, source: Buffer, start: number, end: number): number {
  const count = end - start
  if (count > LOOP_BYTES_MAX) return at + source.copy(target, at, start, end)
  for (let index = 0; index < count; index++) target[at + index] = source[start + index]!
  return at + count
}

/** Largest payload of a body frame towards a peer with this frame_max; 0 means that the peer set no limit. */
export function bodyFramePayloadMax(frameMax: number): number {
  if (frameMax === 0) return 2 ** 32 - 1
  invariant(frameMax > FRAME_OVERHEAD_BYTES, `a frame_max of ${frameMax} leaves no room for a body`)
  return frameMax - FRAME_OVERHEAD_BYTES
}

/** Header and body frames together. An empty body has no body frame. */
export function contentSize(propertiesBytes: number, bodyBytes: number, frameMax: number): number {
  const bodyFrameCount = Math.ceil(bodyBytes / bodyFramePayloadMax(frameMax))
  return contentHeaderSize(propertiesBytes) + bodyBytes + bodyFrameCount * FRAME_OVERHEAD_BYTES
}

/**
 * A message's content: properties as the raw flags and values bytes[propertiesStart, bodyStart), body to bodyEnd, behind
 * each other in one buffer as a stored message has them. The body is split by the receiver's `frameMax`.
 */
export function writeContent(
  target: Buffer,
  at: number,
  channel: number,
  bytes: Buffer,
  propertiesStart: number,
  bodyStart: number,
  bodyEnd: number,
  frameMax: number,
): number {
  const next = writeContentHeader(target, at, channel, bytes, propertiesStart, bodyStart, bodyEnd - bodyStart)
  return writeBodyFrames(target, next, channel, bytes, bodyStart, bodyEnd, frameMax)
}

/** A body, split by the receiver's `frameMax`; nothing for an empty one. */
export function writeBodyFrames(
  target: Buffer,
  at: number,
  channel: number,
  bytes: Buffer,
  bodyStart: number,
  bodyEnd: number,
  frameMax: number,
): number {
  let next = at
  const payloadMax = bodyFramePayloadMax(frameMax)
  for (let start = bodyStart; start < bodyEnd; start += payloadMax) {
    next = writeBodyFrame(target, next, channel, bytes, start, Math.min(start + payloadMax, bodyEnd))
  }
  return next
}

export function contentHeaderSize(propertiesBytes: number): number {
  return FRAME_OVERHEAD_BYTES + CONTENT_HEADER_FIXED_BYTES + propertiesBytes
}

/** The protocol cannot split a header: one above the receiver's frame_max goes out whole, as RabbitMQ does it. */
export function writeContentHeader(
  target: Buffer,
  at: number,
  channel: number,
  bytes: Buffer,
  propertiesStart: number,
  propertiesEnd: number,
  bodyBytes: number,
): number {
  let next = writeFrameStart(target, at, FRAME_HEADER, channel)
  next = writeUint16(target, next, CLASS_BASIC)
  next = writeUint16(target, next, 0)
  next = writeUint64(target, next, bodyBytes)
  next = writeBytes(target, next, bytes, propertiesStart, propertiesEnd)
  return writeFrameEnd(target, at, next)
}

export function writeBodyFrame(
  target: Buffer,
  at: number,
  channel: number,
  body: Buffer,
  start: number,
  end: number,
): number {
  const payloadEnd = writeBytes(target, writeFrameStart(target, at, FRAME_BODY, channel), body, start, end)
  return writeFrameEnd(target, at, payloadEnd)
}

/** Only what stands in front of a body frame's payload, for a large body that is sent from where it lies. */
export function writeBodyFrameStart(target: Buffer, at: number, channel: number, payloadBytes: number): number {
  const next = writeFrameStart(target, at, FRAME_BODY, channel)
  writeUint32(target, at + 3, payloadBytes)
  return next
}
