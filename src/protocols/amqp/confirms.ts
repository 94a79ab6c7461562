/**
 * Publisher confirms of one channel: counts the answers each publish waits for and tells the client with as few frames
 * as possible. Does not decide what is safe; the broker does, and says so through `ConfirmListener`.
 *
 * Answers come in bursts (one commit answers thousands), so frames are written once the burst is over, in a microtask:
 *
 *     sequence   1  2  3 │ 4  5  6  7          done from the lowest open one on: one frame for a run of the same kind
 *     state      ✓  ✓  ✓ │ …  ✓  …  ✓          done beyond an open one: a frame each
 *
 * A place of the ring holds answers still to come x 2 + (1 when one was a rejection), or ANSWERED.
 */
import { invariant } from '../../base/errors.ts'
import type { ConfirmListener } from '../../broker/session.ts'
import type { Outgoing } from './outgoing.ts'

const ANSWERED = 0xffffffff
const ONE = 2
const REJECTED = 1
const CAPACITY_MIN = 64

const NOTHING = -1

export class Confirms implements ConfirmListener {
  readonly #out: Outgoing
  readonly #channel: number
  #states = new Uint32Array(CAPACITY_MIN)
  #last = 0
  /** The lowest sequence that the client has no answer for. */
  #lowest = 1
  /** Done since the last flush. */
  #done: number[] = []
  #isScheduled = false
  #isClosed = false

  constructor(out: Outgoing, channel: number) {
    this.#out = out
    this.#channel = channel
  }

  /** The sequence of the next publish, which is open until `published` at the earliest. */
  begin(): number {
    const sequence = ++this.#last
    if (sequence - this.#lowest >= this.#states.length) this.#grow()
    this.#states[sequence & (this.#states.length - 1)] = ONE
    return sequence
  }

  expect(sequence: number): void {
    if (this.#isClosed) return
    this.#states[this.#placeOf(sequence)]! += ONE
  }

  confirmed(sequence: number): void {
    if (this.#isClosed) return
    this.#finish(this.#placeOf(sequence), sequence)
  }

  rejected(sequence: number): void {
    if (this.#isClosed) return
    const place = this.#placeOf(sequence)
    this.#states[place]! |= REJECTED
    this.#finish(place, sequence)
  }

  /** The publish call is over: no more answers will be announced. */
  published(sequence: number): void {
    this.confirmed(sequence)
  }

  /** Writes what is done now: before a channel.close, after which no answer may follow. */
  readonly flush = (): void => {
    this.#isScheduled = false
    if (this.#isClosed || this.#done.length === 0) return
    const prefixCount = this.#flushPrefix()
    if (prefixCount < this.#done.length) this.#flushSingles()
    this.#done.length = 0
    if (this.#lowest > this.#last && this.#states.length > 4096) this.#states = new Uint32Array(CAPACITY_MIN)
  }

  /** Answers that come later are for nobody. */
  close(): void {
    this.#isClosed = true
    this.#done.length = 0
  }

  #placeOf(sequence: number): number {
    invariant(sequence >= this.#lowest && sequence <= this.#last, `confirm ${sequence} is not open`)
    const place = sequence & (this.#states.length - 1)
    const state = this.#states[place]!
    invariant(state !== ANSWERED && state >= ONE, `confirm ${sequence} came once too often`)
    return place
  }

  #finish(place: number, sequence: number): void {
    const state = this.#states[place]! - ONE
    this.#states[place] = state
    if (state >= ONE) return
    this.#done.push(sequence)
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.flush)
  }

  /** @returns how many sequences were answered */
  #flushPrefix(): number {
    const mask = this.#states.length - 1
    let kind = NOTHING
    let runLast = 0
    let runCount = 0
    let count = 0
    for (; this.#lowest <= this.#last; this.#lowest++) {
      const state = this.#states[this.#lowest & mask]!
      if (state === ANSWERED) continue
      if (state >= ONE) break
      if (state !== kind) {
        this.#answer(kind, runLast, runCount > 1)
        kind = state
        runCount = 0
      }
      runLast = this.#lowest
      runCount++
      count++
    }
    this.#answer(kind, runLast, runCount > 1)
    return count
  }

  #flushSingles(): void {
    const mask = this.#states.length - 1
    this.#done.sort((a, b) => a - b)
    for (const sequence of this.#done) {
      if (sequence < this.#lowest) continue
      const state = this.#states[sequence & mask]!
      this.#states[sequence & mask] = ANSWERED
      if (state === REJECTED) this.#out.nack(this.#channel, sequence, false)
      else this.#out.ack(this.#channel, sequence, false)
    }
  }

  /** All below `sequence` has been answered, so RabbitMQ marks every nack here as multiple; an ack only when it is. */
  #answer(kind: number, sequence: number, isMultiple: boolean): void {
    if (kind === REJECTED) this.#out.nack(this.#channel, sequence, true)
    else if (kind !== NOTHING) this.#out.ack(this.#channel, sequence, isMultiple)
  }

  #grow(): void {
    const old = this.#states
    const states = new Uint32Array(old.length * 2)
    for (let sequence = this.#lowest; sequence < this.#last; sequence++) {
      states[sequence & (states.length - 1)] = old[sequence & (old.length - 1)]!
    }
    this.#states = states
  }
}
