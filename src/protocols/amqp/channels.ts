/**
 * The channels of one connection by number: opens them, finds them, ends them all. What a frame means on its channel is
 * the channel's affair.
 */
import { Refused } from '../../base/errors.ts'
import { Channel } from './channel.ts'
import type { ConnectionContext } from './connection-context.ts'
import { type Answer, misplacedMethod } from './refusals.ts'
import { FRAME_METHOD } from './wire/frame.ts'
import { readMethodNumber } from './wire/hot-methods.ts'
import { methodNumber } from './wire/method-schema.ts'
import { decodeMethod, makeMethod } from './wire/methods.ts'
import { WireError } from './wire/wire-error.ts'

const CHANNEL_OPEN = methodNumber('channel.open')

export class Channels {
  readonly #context: ConnectionContext
  readonly #countMax: number
  readonly #byNumber = new Map<number, Channel>()
  /** Frames come in runs for one channel. */
  #last: Channel | undefined

  /** @param countMax how many may be open at once; their numbers are free */
  constructor(context: ConnectionContext, countMax: number) {
    this.#context = context
    this.#countMax = countMax
  }

  /** @returns a promise while an answer is owed, see `Channel.frame` */
  frame(type: number, number: number, buffer: Buffer, start: number, end: number): Promise<void> | undefined {
    const channel = this.#last?.number === number ? this.#last : this.#byNumber.get(number)
    if (channel === undefined) {
      this.#open(type, number, buffer, start, end)
      return undefined
    }
    this.#last = channel
    const owed = channel.frame(type, buffer, start, end)
    if (channel.isGone) this.#forget(channel)
    return owed
  }

  #open(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (type !== FRAME_METHOD) throw new WireError(505, 'expected method frame, got non method frame instead')
    const method = readMethodNumber(buffer, start, end)
    if (method !== CHANNEL_OPEN) throw misplacedMethod(504, "expected 'channel.open'", method)
    decodeMethod(buffer, start, end)
    const count = this.#byNumber.size
    if (count >= this.#countMax) {
      const text = `number of channels opened (${count}) has reached the negotiated channel_max (${this.#countMax})`
      throw new Refused('not-allowed', text)
    }
    this.#byNumber.set(number, new Channel(number, this.#context))
    this.#context.out.method(number, makeMethod('channel.open-ok'))
  }

  #forget(channel: Channel): void {
    this.#byNumber.delete(channel.number)
    if (this.#last === channel) this.#last = undefined
  }

  /** The method at work on a channel; 0 where there is none. */
  methodOf(number: number): number {
    return this.#byNumber.get(number)?.method ?? 0
  }

  refuse(number: number, answer: Answer): void {
    this.#byNumber.get(number)?.refuse(answer)
  }

  /** The peer reads again. */
  drained(): void {
    for (const channel of this.#byNumber.values()) channel.drained()
  }

  /** Gives everything back. One channel that fails does not keep the others from it; the first error is thrown. */
  release(): void {
    const channels = [...this.#byNumber.values()]
    this.#byNumber.clear()
    this.#last = undefined
    const errors: unknown[] = []
    for (const channel of channels) {
      try {
        channel.release()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}
