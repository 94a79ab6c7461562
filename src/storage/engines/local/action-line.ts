/**
 * What waits for a commit before it takes effect: discards and ends of logs, in the order in which they were said. Plain
 * numbers in one array, because there may be a discard for every message.
 */
const STEP = 4
const END = -1

export class ActionLine {
  /** Ticket, log, from, to. */
  #items: number[] = []
  #head = 0

  addDiscard(ticket: number, log: number, from: number, to: number): void {
    const items = this.#items
    const last = items.length - STEP
    // Settlements come in order mostly: one range for many.
    if (last >= this.#head && items[last] === ticket && items[last + 1] === log && items[last + 3] === from) {
      if (items[last + 2] !== END) {
        items[last + 3] = to
        return
      }
    }
    items.push(ticket, log, from, to)
  }

  addEnd(ticket: number, log: number): void {
    this.#items.push(ticket, log, END, END)
  }

  applyUpTo(
    ticket: number,
    onDiscard: (log: number, from: number, to: number) => void,
    onEnd: (log: number) => void,
  ): void {
    const items = this.#items
    let at = this.#head
    while (at < items.length && (items[at] as number) <= ticket) {
      const log = items[at + 1] as number
      const from = items[at + 2] as number
      if (from === END) onEnd(log)
      else onDiscard(log, from, items[at + 3] as number)
      at += STEP
    }
    if (at === items.length) {
      this.#items = items.length > 65_536 ? [] : items
      this.#items.length = 0
      this.#head = 0
    } else if (at > 65_536) {
      this.#items = items.slice(at)
      this.#head = 0
    } else {
      this.#head = at
    }
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }
}
