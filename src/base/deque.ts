/**
 * A double-ended queue on a ring of a power-of-two size: no allocation per element, O(1) at both ends and by index.
 * `undefined` cannot be an element: it means "empty".
 */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(16)
  #mask = 15
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(value: T): void {
    if (this.#length > this.#mask) this.#grow()
    this.#ring[(this.#head + this.#length) & this.#mask] = value
    this.#length++
  }

  unshift(value: T): void {
    if (this.#length > this.#mask) this.#grow()
    this.#head = (this.#head - 1) & this.#mask
    this.#ring[this.#head] = value
    this.#length++
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const value = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & this.#mask
    this.#length--
    if (this.#length === 0 && this.#mask > 1023) this.#reset()
    return value
  }

  pop(): T | undefined {
    if (this.#length === 0) return undefined
    this.#length--
    const at = (this.#head + this.#length) & this.#mask
    const value = this.#ring[at]
    this.#ring[at] = undefined
    return value
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  peekLast(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[(this.#head + this.#length - 1) & this.#mask]
  }

  /** 0 is the head. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.#length ? undefined : this.#ring[(this.#head + index) & this.#mask]
  }

  /** Overwrites an element that exists. */
  set(index: number, value: T): void {
    if (index < 0 || index >= this.#length) throw new RangeError(`index ${index} outside 0..${this.#length - 1}`)
    this.#ring[(this.#head + index) & this.#mask] = value
  }

  clear(): void {
    this.#reset()
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.#length; index++) yield this.#ring[(this.#head + index) & this.#mask] as T
  }

  #grow(): void {
    const ring = new Array<T | undefined>(this.#ring.length * 2)
    for (let index = 0; index < this.#length; index++) ring[index] = this.#ring[(this.#head + index) & this.#mask]
    this.#ring = ring
    this.#mask = ring.length - 1
    this.#head = 0
  }

  /** A burst must not keep its ring for ever. */
  #reset(): void {
    this.#ring = new Array<T | undefined>(16)
    this.#mask = 15
    this.#head = 0
    this.#length = 0
  }
}
