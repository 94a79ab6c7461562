/**
 * The deliveries of one channel that wait for the client's answer, by delivery tag. Knows nothing of what an answer does.
 *
 * Tags only grow, so three rings side by side hold them in order, without an object per delivery: found by a guess (tags
 * are mostly without gaps) or by halving. What is answered out of order leaves a hole; when the rings are full and half
 * of them are holes, they are closed up instead of doubled, so the size follows the deliveries that wait.
 */
import type { Delivery } from '../../broker/queues/consumer.ts'

const CAPACITY_MIN = 16

/** @template H whoever a delivery counts for; undefined for basic.get */
export class Unacked<H> {
  /** The last one taken. */
  takenTag = 0
  takenHolder: H | undefined
  #tags = new Float64Array(CAPACITY_MIN)
  #deliveries: (Delivery | undefined)[] = new Array<Delivery | undefined>(CAPACITY_MIN)
  #holders: (H | undefined)[] = new Array<H | undefined>(CAPACITY_MIN)
  #head = 0
  /** Places in use from the head on, holes among them; the first and the last are never holes. */
  #span = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** @param tag above all tags before */
  add(tag: number, delivery: Delivery, holder: H | undefined): void {
    if (this.#span === this.#tags.length) this.#makeRoom()
    const at = this.#place(this.#span)
    this.#tags[at] = tag
    this.#deliveries[at] = delivery
    this.#holders[at] = holder
    this.#span++
    this.#count++
  }

  has(tag: number): boolean {
    return this.#find(tag) >= 0
  }

  /** The delivery, no longer held here; what else is known of it is in `takenTag` and `takenHolder`. */
  take(tag: number): Delivery | undefined {
    const index = this.#find(tag)
    return index < 0 ? undefined : this.#takeAt(index)
  }

  /** The oldest, unless its tag is above `tagMax`. */
  takeFirst(tagMax: number): Delivery | undefined {
    if (this.#count === 0 || this.#tags[this.#head]! > tagMax) return undefined
    return this.#takeAt(0)
  }

  #takeAt(index: number): Delivery | undefined {
    const at = this.#place(index)
    this.takenTag = this.#tags[at]!
    this.takenHolder = this.#holders[at]
    const delivery = this.#deliveries[at]
    this.#deliveries[at] = undefined
    this.#holders[at] = undefined
    this.#count--
    this.#trim()
    return delivery
  }

  /** Drops holes at both ends. */
  #trim(): void {
    if (this.#count === 0) {
      this.#head = 0
      this.#span = 0
      if (this.#tags.length > 1024) this.#allocate(CAPACITY_MIN)
      return
    }
    while (this.#deliveries[this.#head] === undefined) {
      this.#head = this.#place(1)
      this.#span--
    }
    while (this.#deliveries[this.#place(this.#span - 1)] === undefined) this.#span--
  }

  #place(index: number): number {
    return (this.#head + index) & (this.#tags.length - 1)
  }

  /** Its index from the head, or -1. */
  #find(tag: number): number {
    if (this.#count === 0) return -1
    const guess = tag - this.#tags[this.#head]!
    if (guess < 0) return -1
    if (guess < this.#span && this.#tags[this.#place(guess)] === tag) return this.#isHeld(guess)
    let low = 0
    let high = this.#span - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = this.#tags[this.#place(middle)]!
      if (found === tag) return this.#isHeld(middle)
      if (found < tag) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #isHeld(index: number): number {
    return this.#deliveries[this.#place(index)] === undefined ? -1 : index
  }

  #makeRoom(): void {
    const capacity = this.#tags.length
    const tags = this.#tags
    const deliveries = this.#deliveries
    const holders = this.#holders
    const head = this.#head
    this.#allocate(this.#count <= capacity / 2 ? capacity : capacity * 2)
    let next = 0
    for (let index = 0; index < capacity; index++) {
      const at = (head + index) & (capacity - 1)
      if (deliveries[at] === undefined) continue
      this.#tags[next] = tags[at]!
      this.#deliveries[next] = deliveries[at]
      this.#holders[next] = holders[at]
      next++
    }
    this.#head = 0
    this.#span = next
  }

  #allocate(capacity: number): void {
    this.#tags = new Float64Array(capacity)
    this.#deliveries = new Array<Delivery | undefined>(capacity)
    this.#holders = new Array<H | undefined>(capacity)
  }

  /** Puts deliveries back that were taken: a rollback. Rare, so it sorts. */
  putBack(
    entries: readonly { readonly tag: number; readonly delivery: Delivery; readonly holder: H | undefined }[],
  ): void {
    const all = [...entries]
    for (let delivery = this.takeFirst(Infinity); delivery; delivery = this.takeFirst(Infinity)) {
      all.push({ tag: this.takenTag, delivery, holder: this.takenHolder })
    }
    all.sort((a, b) => a.tag - b.tag)
    for (const { tag, delivery, holder } of all) this.add(tag, delivery, holder)
  }
}
