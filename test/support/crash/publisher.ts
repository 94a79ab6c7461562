/**
 * A publisher with confirms: a bounded number of messages on their way, each sent once and never again, and what is
 * confirmed is told to the history. It holds back while its queues are long, so that a run ends in a short time.
 */
import type { ConfirmChannel } from 'amqplib'
import type { Random } from '../../../src/base/random.ts'
import type { Worker } from './client.ts'
import type { PublisherHistory } from './history-parts.ts'
import { letterOf } from './letter.ts'

const TICK_MS = 4
const WINDOW = 60
const PER_TICK_MAX = 8
/** What amqplib says for a basic.nack. */
const NACKED = 'message nacked'

export type Route = {
  readonly exchange: string
  readonly key: string
  /** Milliseconds below which delays are chosen; 0 for none. */
  readonly delayMsMax: number
  readonly priorityMax: number
}

export class Publisher implements Worker {
  readonly name: string
  readonly #history: PublisherHistory
  readonly #route: Route
  readonly #random: Random
  readonly #mayPublish: () => boolean
  #channel: ConfirmChannel | undefined
  #timer: NodeJS.Timeout | undefined
  #unanswered = 0

  /** @param mayPublish asked before every message */
  constructor(history: PublisherHistory, route: Route, random: Random, mayPublish: () => boolean) {
    this.name = history.name
    this.#history = history
    this.#route = route
    this.#random = random
    this.#mayPublish = mayPublish
  }

  /** Nothing is on its way to the broker. */
  get isQuiet(): boolean {
    return this.#unanswered === 0
  }

  async begin(channel: ConfirmChannel): Promise<void> {
    this.#channel = channel
    this.#timer = setInterval(() => this.#tick(channel), TICK_MS)
  }

  lost(): void {
    clearInterval(this.#timer)
    this.#channel = undefined
    this.#unanswered = 0
  }

  #tick(channel: ConfirmChannel): void {
    const count = this.#random.below(PER_TICK_MAX + 1)
    for (let sent = 0; sent < count; sent++) {
      if (this.#channel !== channel || this.#unanswered >= WINDOW || !this.#mayPublish()) return
      this.#publish(channel)
    }
  }

  #publish(channel: ConfirmChannel): void {
    const { exchange, key, delayMsMax, priorityMax } = this.#route
    const sequence = this.#history.next()
    const delayMs = delayMsMax === 0 ? 0 : this.#random.below(delayMsMax)
    const priority = priorityMax === 0 ? 0 : this.#random.below(priorityMax + 1)
    const body = letterOf({ publisher: this.#history.id, sequence, sentAtMs: Date.now(), delayMs, priority })
    const options = {
      persistent: true,
      ...(priorityMax > 0 ? { priority } : {}),
      ...(delayMsMax > 0 ? { headers: { 'x-delay': delayMs } } : {}),
    }
    this.#unanswered++
    channel.publish(exchange, key, body, options, (failure: unknown) => {
      if (this.#channel !== channel) return
      this.#unanswered--
      if (failure === null || failure === undefined) this.#history.confirmed(sequence)
      // All that is open when the channel is lost fails too: what became of it is not known.
      else if (failure instanceof Error && failure.message === NACKED) this.#history.refused()
    })
  }
}
