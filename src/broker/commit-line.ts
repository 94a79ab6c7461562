/**
 * Who waits for which ticket of one journal: three parallel rings instead of a promise per message. Tickets are pushed
 * in the order of the journal's appends, so a commit answers from the front.
 */
import type { ConfirmListener } from './session.ts'

export class CommitLine {
  #tickets = new Float64Array(1024)
  #sequences = new Float64Array(1024)
  #listeners: (ConfirmListener | undefined)[] = new Array(1024)
  #mask = 1023
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(ticket: number, listener: ConfirmListener, sequence: number): void {
    if (this.#length > this.#mask) this.#grow()
    const at = (this.#head + this.#length) & this.#mask
    this.#tickets[at] = ticket
    this.#sequences[at] = sequence
    this.#listeners[at] = listener
    this.#length++
  }

  /** Confirms everybody up to and with this ticket. A listener may push again inside its call. */
  commit(ticket: number): void {
    while (this.#length > 0 && (this.#tickets[this.#head] as number) <= ticket) {
      const at = this.#head
      const listener = this.#listeners[at] as ConfirmListener
      this.#listeners[at] = undefined
      this.#head = (at + 1) & this.#mask
      this.#length--
      listener.confirmed(this.#sequences[at] as number)
    }
  }

  /** The journal failed: nobody who still waits will ever be answered with yes. */
  rejectAll(): void {
    while (this.#length > 0) {
      const at = this.#head
      const listener = this.#listeners[at] as ConfirmListener
      this.#listeners[at] = undefined
      this.#head = (at + 1) & this.#mask
      this.#length--
      listener.rejected(this.#sequences[at] as number)
    }
  }

  #grow(): void {
    const size = this.#tickets.length
    const tickets = new Float64Array(size * 2)
    const sequences = new Float64Array(size * 2)
    const listeners = new Array<ConfirmListener | undefined>(size * 2)
    for (let index = 0; index < this.#length; index++) {
      const at = (this.#head + index) & this.#mask
      tickets[index] = this.#tickets[at] as number
      sequences[index] = this.#sequences[at] as number
      listeners[index] = this.#listeners[at]
    }
    this.#tickets = tickets
    this.#sequences = sequences
    this.#listeners = listeners
    this.#mask = size * 2 - 1
    this.#head = 0
  }
}
