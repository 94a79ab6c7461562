/**
 * Gathers the frames of a publish on one channel into a `Message`: made once, at the content header, with the body copied
 * frame by frame to where it stays. Checks what RabbitMQ checks. What happens with the whole message is not known here.
 *
 *     idle ── basic.publish ──► header ── content header ──► body ── body frames ──► idle (the message goes to `route`)
 *                                            └── empty body ──────────────────────►─┘
 */
import { invariant, Refused } from '../../base/errors.ts'
import { Address, type Message, type MessageHead, messageWithRoom } from '../../message/message.ts'
import type { ConnectionContext } from './connection-context.ts'
import { asksDirectReply, checkUserId, readExpiration, readSenderKeys, withoutBcc } from './content-checks.ts'
import { amqpMessageFormat } from './message-format.ts'
import { FRAME_BODY, FRAME_HEADER } from './wire/frame.ts'
import { ContentHeader, PublishArguments, readContentHeader, readPublish } from './wire/hot-methods.ts'
import { editProperties } from './wire/properties.ts'
import { PropertyScan, scanProperties } from './wire/property-scan.ts'
import { WireError } from './wire/wire-error.ts'

export interface PublishTarget {
  /** Name of the channel's mailbox, for direct replies. */
  readonly mailboxName: string | undefined
  /** A whole message. */
  route(message: Message, extraKeys: readonly string[] | undefined, mandatory: boolean): void
}

const CLASS_BASIC = 60
const METHOD_PUBLISH = 40
const PERSISTENT = 2

// Used within one call each, by all channels of all connections: nothing here runs twice at once.
const publishArguments = new PublishArguments()
const contentHeader = new ContentHeader()
const scan = new PropertyScan()
/** What `MessageHead` has, to be set anew for each message. */
const head: { -readonly [K in keyof MessageHead]: MessageHead[K] } = {
  format: amqpMessageFormat,
  address: new Address('', ''),
  persistent: false,
  priority: undefined,
  publishedMs: 0,
  expirationMs: undefined,
}

export class Publishing {
  readonly #context: ConnectionContext
  readonly #target: PublishTarget
  #expects: 'method' | 'header' | 'body' = 'method'
  /** Of the publish at work, and of the one before: mostly the same, so it is compared before it is decoded. */
  #address: Address | undefined
  #mandatory = false
  #message: Message | undefined
  #extraKeys: readonly string[] | undefined
  /** Where the next body byte goes. */
  #at = 0

  constructor(context: ConnectionContext, target: PublishTarget) {
    this.#context = context
    this.#target = target
  }

  get isIdle(): boolean {
    return this.#expects === 'method'
  }

  /** The payload of a basic.publish. */
  begin(buffer: Buffer, start: number, end: number): void {
    readPublish(buffer, start, end, publishArguments)
    if (publishArguments.immediate) throw new Refused('not-implemented', 'immediate=true')
    this.#mandatory = publishArguments.mandatory
    this.#findAddress(buffer, publishArguments.addressStart, publishArguments.addressEnd)
    this.#expects = 'header'
    this.#context.publishing()
  }

  #findAddress(buffer: Buffer, start: number, end: number): void {
    const known = this.#address?.bytes
    if (known !== undefined && known.length === end - start && isEqual(known, buffer, start)) return
    const { session, names } = this.#context
    const { exchangeStart, exchangeEnd, routingKeyStart, routingKeyEnd } = publishArguments
    const exchange = names.read(buffer, exchangeStart, exchangeEnd)
    this.#address = session.address(exchange, names.read(buffer, routingKeyStart, routingKeyEnd))
  }

  /** A content header or body frame, or the news that another method came instead. */
  frame(type: number, buffer: Buffer, start: number, end: number): void {
    switch (this.#expects) {
      case 'header':
        if (type !== FRAME_HEADER) throw misplaced('content header for class 60, got non content header frame')
        return this.#header(buffer, start, end)
      case 'body':
        if (type !== FRAME_BODY) throw misplaced('content body, got non content body frame')
        return this.#body(buffer, start, end)
      case 'method':
        throw new WireError(505, 'expected method frame, got non method frame instead')
    }
  }

  #header(buffer: Buffer, start: number, end: number): void {
    readContentHeader(buffer, start, end, contentHeader)
    const { bodyBytes, propertiesStart } = contentHeader
    const { messageBytesMax } = this.#context.settings
    if (bodyBytes > messageBytesMax) {
      const text = `message size ${bodyBytes} is larger than configured max size ${messageBytesMax}`
      throw new Refused('precondition-failed', text)
    }
    if (this.#context.arrivingBytes + bodyBytes > messageBytesMax) {
      const text = `messages arriving on several channels at once exceed ${messageBytesMax} bytes together`
      throw new WireError(506, text, CLASS_BASIC, METHOD_PUBLISH)
    }
    const message = this.#makeMessage(buffer, propertiesStart, end, bodyBytes)
    if (bodyBytes === 0) return this.#finish(message)
    this.#context.arrivingBytes += bodyBytes
    this.#message = message
    this.#at = message.bodyStart
    this.#expects = 'body'
  }

  #makeMessage(buffer: Buffer, start: number, end: number, bodyBytes: number): Message {
    const { userBytes, clock } = this.#context
    scanProperties(buffer, start, end, scan)
    checkUserId(buffer, scan, userBytes)
    head.expirationMs = readExpiration(buffer, scan)
    invariant(this.#address !== undefined, 'a publish has an address')
    head.address = this.#address
    head.persistent = scan.deliveryMode === PERSISTENT
    head.priority = scan.priority < 0 ? undefined : scan.priority
    head.publishedMs = clock.nowMs()
    this.#extraKeys = readSenderKeys(buffer, scan)
    const isReplied = asksDirectReply(buffer, scan)
    if (this.#extraKeys === undefined && !isReplied) return messageWithRoom(head, buffer, start, end, bodyBytes)
    // Both are rare, and change the bytes: BCC first, because the scan holds for the original only.
    let properties = buffer.subarray(start, end)
    if (this.#extraKeys !== undefined) properties = withoutBcc(buffer, start, end, scan) ?? properties
    if (isReplied) properties = this.#withMailbox(properties)
    return messageWithRoom(head, properties, 0, properties.length, bodyBytes)
  }

  #withMailbox(properties: Buffer): Buffer {
    const { mailboxName } = this.#target
    if (mailboxName === undefined) throw new Refused('precondition-failed', 'fast reply consumer does not exist')
    return editProperties(properties, { replyTo: mailboxName })
  }

  #body(buffer: Buffer, start: number, end: number): void {
    const message = this.#message
    invariant(message !== undefined, 'a body belongs to a message')
    const { bytes } = message
    if (end - start > bytes.length - this.#at) {
      throw misplaced(`at most ${bytes.length - this.#at} more bytes of content body, got ${end - start}`)
    }
    this.#at += buffer.copy(bytes, this.#at, start, end)
    if (this.#at < bytes.length) return
    this.#context.arrivingBytes -= message.bodyBytes
    this.#message = undefined
    this.#finish(message)
  }

  #finish(message: Message): void {
    this.#expects = 'method'
    this.#target.route(message, this.#extraKeys, this.#mandatory)
  }

  /** Forgets a message that is not whole. */
  abort(): void {
    if (this.#message !== undefined) this.#context.arrivingBytes -= this.#message.bodyBytes
    this.#message = undefined
    this.#expects = 'method'
  }
}

function misplaced(what: string): WireError {
  return new WireError(505, `expected ${what} instead`, CLASS_BASIC, METHOD_PUBLISH)
}

/** Routes are short: a loop beats a call into native code. */
function isEqual(known: Buffer, buffer: Buffer, start: number): boolean {
  for (let index = 0; index < known.length; index++) {
    if (known[index] !== buffer[start + index]) return false
  }
  return true
}
