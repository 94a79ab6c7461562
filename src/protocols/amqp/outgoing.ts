/**
 * Everything a connection sends: frames written straight into the socket writer's buffer. Decides nothing; says when the
 * peer reads too slowly, and whether anything was sent lately (for heartbeats).
 */

import type { Message } from '../../message/message.ts'
import type { SocketWriter } from '../../net/socket-writer.ts'
import { FRAME_END, FRAME_HEADER_BYTES } from './wire/frame.ts'
import {
  bodyFramePayloadMax,
  contentHeaderSize,
  contentSize,
  HEARTBEAT_FRAME,
  writeBodyFrameStart,
  writeBodyFrames,
  writeContentHeader,
} from './wire/frame-writer.ts'
import {
  deliverSize,
  getOkSize,
  returnSize,
  SETTLE_FRAME_BYTES,
  writeAck,
  writeDeliver,
  writeGetOk,
  writeNack,
  writeReturn,
} from './wire/hot-methods.ts'
import type { Method } from './wire/method-schema.ts'
import { methodFrameSize, writeMethod } from './wire/methods.ts'

/** Bodies above this are sent from where they lie; below, copying is cheaper than one more piece in a write. */
const COPIED_BODY_BYTES_MAX = 16 * 1024

export class Outgoing {
  /** Of the client: bodies are split by it. */
  frameMax: number
  #isBusy = false
  readonly #writer: SocketWriter

  constructor(writer: SocketWriter, frameMax: number) {
    this.#writer = writer
    this.frameMax = frameMax
  }

  /** The peer does not read fast enough: nothing that can wait should be added. */
  get isCongested(): boolean {
    return this.#writer.congested
  }

  get unreadBytes(): number {
    return this.#writer.bufferedBytes
  }

  method(channel: number, method: Method): void {
    this.#isBusy = true
    const at = this.#writer.reserve(methodFrameSize(method))
    writeMethod(this.#writer.buffer, at, channel, method)
  }

  ack(channel: number, deliveryTag: number, multiple: boolean): void {
    this.#isBusy = true
    const at = this.#writer.reserve(SETTLE_FRAME_BYTES)
    writeAck(this.#writer.buffer, at, channel, deliveryTag, multiple)
  }

  /** To a publisher: RabbitMQ leaves the requeue bit at its default, which is set. */
  nack(channel: number, deliveryTag: number, multiple: boolean): void {
    this.#isBusy = true
    const at = this.#writer.reserve(SETTLE_FRAME_BYTES)
    writeNack(this.#writer.buffer, at, channel, deliveryTag, multiple, true)
  }

  /**
   * @param consumerTag from `encodeShortString`
   * @param properties raw, in place of the message's own; undefined: its own
   */
  deliver(
    channel: number,
    consumerTag: Buffer,
    deliveryTag: number,
    redelivered: boolean,
    message: Message,
    properties: Buffer | undefined,
  ): void {
    const address = message.address.bytes
    const methodBytes = deliverSize(consumerTag, address)
    const at = this.#roomForContent(methodBytes, message, properties)
    writeDeliver(this.#writer.buffer, at, channel, consumerTag, deliveryTag, redelivered, address)
    this.#content(channel, at + methodBytes, message, properties)
  }

  /** @param properties as in `deliver` */
  getOk(
    channel: number,
    deliveryTag: number,
    redelivered: boolean,
    remainingCount: number,
    message: Message,
    properties: Buffer | undefined,
  ): void {
    const address = message.address.bytes
    const methodBytes = getOkSize(address)
    const at = this.#roomForContent(methodBytes, message, properties)
    writeGetOk(this.#writer.buffer, at, channel, deliveryTag, redelivered, address, remainingCount)
    this.#content(channel, at + methodBytes, message, properties)
  }

  return(channel: number, replyCode: number, replyText: string, message: Message): void {
    const address = message.address.bytes
    const methodBytes = returnSize(replyText, address)
    const at = this.#roomForContent(methodBytes, message, undefined)
    writeReturn(this.#writer.buffer, at, channel, replyCode, replyText, address)
    this.#content(channel, at + methodBytes, message, undefined)
  }

  /** Does not count as writing: the next one is due after the same time again. */
  heartbeat(): void {
    this.#writer.writeBorrowed(HEARTBEAT_FRAME)
  }

  /** Whether anything was written since this was last asked. */
  tookWriting(): boolean {
    const isBusy = this.#isBusy
    this.#isBusy = false
    return isBusy
  }

  /** Copies bytes as they are. */
  raw(bytes: Buffer): void {
    this.#isBusy = true
    this.#writer.writeBorrowed(bytes)
  }

  /** Room for a method frame and what of the content is copied behind it: all of it, or the header of a large body. */
  #roomForContent(methodBytes: number, message: Message, properties: Buffer | undefined): number {
    this.#isBusy = true
    const propertiesBytes = properties === undefined ? message.bodyStart - message.propertiesStart : properties.length
    const isCopied = message.bodyBytes <= COPIED_BODY_BYTES_MAX
    const contentBytes = isCopied
      ? contentSize(propertiesBytes, message.bodyBytes, this.frameMax)
      : contentHeaderSize(propertiesBytes)
    return this.#writer.reserve(methodBytes + contentBytes)
  }

  #content(channel: number, at: number, message: Message, properties: Buffer | undefined): void {
    const { bytes, bodyStart, bodyBytes } = message
    const target = this.#writer.buffer
    const bodyAt =
      properties === undefined
        ? writeContentHeader(target, at, channel, bytes, message.propertiesStart, bodyStart, bodyBytes)
        : writeContentHeader(target, at, channel, properties, 0, properties.length, bodyBytes)
    if (bodyBytes > COPIED_BODY_BYTES_MAX) this.#largeBody(channel, bytes, bodyStart)
    else writeBodyFrames(target, bodyAt, channel, bytes, bodyStart, bytes.length, this.frameMax)
  }

  /** The message owns its bytes and never changes, so the writer may keep pieces of it. */
  #largeBody(channel: number, bytes: Buffer, bodyStart: number): void {
    const payloadMax = bodyFramePayloadMax(this.frameMax)
    for (let start = bodyStart; start < bytes.length; start += payloadMax) {
      const end = Math.min(start + payloadMax, bytes.length)
      const headerAt = this.#writer.reserve(FRAME_HEADER_BYTES)
      writeBodyFrameStart(this.#writer.buffer, headerAt, channel, end - start)
      this.#writer.writeOwned(bytes.subarray(start, end))
      const endAt = this.#writer.reserve(1)
      this.#writer.buffer[endAt] = FRAME_END
    }
  }
}
