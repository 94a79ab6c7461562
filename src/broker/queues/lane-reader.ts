/**
 * The way back from storage to messages, for one lane: reads pages of the backlog and single messages, waits where what
 * is asked for is written but not committed yet, and turns stored forms into messages. It changes nothing in the lane.
 */
import { StorageError } from '../../base/errors.ts'
import { type Address, type Message, messageFromBytes } from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import type { StoredRecord } from '../../storage/contract.ts'
import type { Shard } from '../shard.ts'

export class LaneReader {
  readonly #log: number
  readonly #shard: Shard
  readonly #formats: MessageFormats
  /** The last address seen: a backlog of one route holds it once. */
  #knownAddress: Address | undefined = undefined
  #lastOne = Promise.resolve()

  constructor(log: number, shard: Shard, formats: MessageFormats) {
    this.#log = log
    this.#shard = shard
    this.#formats = formats
  }

  /**
   * At least one record at or after `from`; empty only when `wanted` says meanwhile that none is needed any more.
   * @throws {StorageError} 'damaged' when storage holds none although everything is committed
   */
  async page(from: number, maxBytes: number, wanted: () => boolean): Promise<StoredRecord[]> {
    for (;;) {
      const { journal } = this.#shard
      await this.#shard.roomToCopy()
      const allCommitted = journal.appended <= journal.committed
      const records = await this.#shard.read(this.#log, from, maxBytes)
      if (records.length > 0 || !wanted()) return records
      if (journal.failure) throw journal.failure
      if (allCommitted) throw new StorageError('damaged', `storage holds no record from offset ${from} on`)
      await new Promise<void>((resolve) => this.#shard.afterCommit(resolve))
    }
  }

  /**
   * One after the other, however many are asked for: a client may reject a million deliveries at once.
   * @throws {StorageError} 'damaged'
   */
  one(offset: number): Promise<Message> {
    const read = this.#lastOne.then(() => this.#readOne(offset))
    this.#lastOne = read.then(
      () => {},
      () => {},
    )
    return read
  }

  async #readOne(offset: number): Promise<Message> {
    await this.#shard.roomToCopy()
    return this.message(await this.#shard.readOne(this.#log, offset))
  }

  /** The message owns its bytes: a page must not stay in memory for one message of it. */
  message(record: StoredRecord): Message {
    const message = messageFromBytes(Buffer.from(record.payload), this.#formats, this.#knownAddress)
    this.#knownAddress = message.address
    return message
  }
}
