/**
 * The table of formats: what the broker may ask about a message's properties without knowing their encoding. Each
 * protocol brings one format and registers it at start; the number is stored with every message.
 */
import type { FieldTable, FieldValue } from '../base/field-value.ts'

/** What changes in the properties when the broker itself sends a message on; absent keys stay as they are, bytewise. */
export interface PropertyChange {
  /** The complete new header table. */
  readonly headers?: FieldTable
  readonly removeExpiration?: boolean
}

export interface MessageFormat {
  /** 1..255, never reused. */
  readonly id: number
  readonly name: string
  /** All headers; empty when there are none. Borrowed bytes in, own values out. */
  headers(properties: Buffer): FieldTable
  /** One header without decoding the others. */
  header(properties: Buffer, name: string): FieldValue | undefined
  /** The sender's expiration as written, for `original-expiration`; undefined when absent. */
  expiration(properties: Buffer): string | undefined
  /** A named property as text, for hashing and filtering: 'message-id', 'correlation-id', 'timestamp' ...; undefined when absent. */
  property(properties: Buffer, name: string): string | undefined
  /** All that `property` knows and that are set, decoded at once: for whoever writes the message in another format. */
  named(properties: Buffer): ReadonlyMap<string, string>
  change(properties: Buffer, change: PropertyChange): Buffer
}

export class MessageFormats {
  #byId: (MessageFormat | undefined)[] = []

  register(format: MessageFormat): void {
    const taken = this.#byId[format.id]
    if (taken && taken !== format) throw new Error(`message format ${format.id} is taken by ${taken.name}`)
    this.#byId[format.id] = format
  }

  get(id: number): MessageFormat | undefined {
    return this.#byId[id]
  }
}
