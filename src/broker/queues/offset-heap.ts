/**
 * Entries that came back, lowest offset first: a requeued message returns to its old place. A binary heap, because
 * a closing channel may give back a million at once, in any order.
 */
import type { QueueEntry } from './queue-entry.ts'

export class OffsetHeap {
  #items: QueueEntry[] = []

  get length(): number {
    return this.#items.length
  }

  peek(): QueueEntry | undefined {
    return this.#items[0]
  }

  push(entry: QueueEntry): void {
    const items = this.#items
    let index = items.length
    items.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent] as QueueEntry
      if (above.offset <= entry.offset) break
      items[index] = above
      index = parent
    }
    items[index] = entry
  }

  pop(): QueueEntry | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return first
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= items.length) break
      if (child + 1 < items.length && (items[child + 1] as QueueEntry).offset < (items[child] as QueueEntry).offset)
        child++
      const below = items[child] as QueueEntry
      if (below.offset >= last.offset) break
      items[index] = below
      index = child
    }
    items[index] = last
    return first
  }

  /** Every entry, in no order; the heap is empty afterwards. */
  drain(): QueueEntry[] {
    const items = this.#items
    this.#items = []
    return items
  }
}
