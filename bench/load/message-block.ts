/**
 * Publishes encoded once, as they go over the wire, many behind each other: publishing n messages is writing a slice.
 * All messages have one size; with several routing keys they take turns.
 *
 *     message: basic.publish frame, content header frame, one body frame
 *     block:   message 0, message 1 ... message (keys - 1), message 0 again ... so that a slice from any of the first
 *              `keyCount` messages holds `sliceMax` of them
 */
import { invariant } from '../../src/base/errors.ts'
import { FRAME_OVERHEAD_BYTES } from '../../src/protocols/amqp/wire/frame.ts'
import { contentSize, writeContent } from '../../src/protocols/amqp/wire/frame-writer.ts'
import { encodeShortString, publishSize, writePublish } from '../../src/protocols/amqp/wire/hot-methods.ts'
import { encodeProperties } from '../../src/protocols/amqp/wire/properties.ts'
import { CHANNEL } from './load-connection.ts'

export interface MessageShape {
  readonly exchange: string
  /** All of one length. */
  readonly routingKeys: readonly string[]
  readonly bodyBytes: number
  readonly persistent: boolean
}

const TRANSIENT = 1
const PERSISTENT = 2

export class MessageBlock {
  readonly messageBytes: number
  readonly keyCount: number
  readonly sliceMax: number
  /** Where in each message its body begins. */
  readonly bodyOffset: number
  readonly #bytes: Buffer

  constructor(shape: MessageShape, sliceMax: number, frameMax: number) {
    const { exchange, routingKeys, bodyBytes, persistent } = shape
    invariant(bodyBytes > 0 && bodyBytes <= frameMax - FRAME_OVERHEAD_BYTES, 'a body of the load is one frame')
    const properties = encodeProperties({ deliveryMode: persistent ? PERSISTENT : TRANSIENT })
    const content = Buffer.concat([properties, Buffer.alloc(bodyBytes, 'busbar ')])
    const exchangeBytes = encodeShortString(exchange)
    const addresses = routingKeys.map((key) => Buffer.concat([exchangeBytes, encodeShortString(key)]))
    const first = addresses[0]
    invariant(first !== undefined && addresses.every(({ length }) => length === first.length), 'keys of one length')
    this.messageBytes = publishSize(first) + contentSize(properties.length, bodyBytes, frameMax)
    this.bodyOffset = this.messageBytes - 1 - bodyBytes
    this.keyCount = addresses.length
    this.sliceMax = sliceMax
    const messageCount = this.keyCount === 1 ? sliceMax : this.keyCount - 1 + sliceMax
    this.#bytes = Buffer.alloc(messageCount * this.messageBytes)
    let at = 0
    for (let index = 0; index < messageCount; index++) {
      at = writePublish(this.#bytes, at, CHANNEL, addresses[index % this.keyCount]!, false)
      at = writeContent(this.#bytes, at, CHANNEL, content, 0, properties.length, content.length, frameMax)
    }
    invariant(at === this.#bytes.length, 'every message of a block has the same size')
  }

  /** `count` messages, the first with key number `keyIndex`. A view: whoever changes it waits until it is gone. */
  slice(keyIndex: number, count: number): Buffer {
    const start = keyIndex * this.messageBytes
    return this.#bytes.subarray(start, start + count * this.messageBytes)
  }
}
