/**
 * Which message is due next: a binary heap on two number arrays, 16 bytes a message and no object. Equal moments keep
 * the order of arrival.
 */
export class DueHeap {
  #dueMs = new Float64Array(64)
  #offsets = new Float64Array(64)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Infinity when empty. */
  get firstDueMs(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#dueMs[0] as number)
  }

  push(dueMs: number, offset: number): void {
    if (this.#length === this.#dueMs.length) this.#resize(this.#length * 2)
    let index = this.#length++
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(dueMs, offset, parent)) break
      this.#move(parent, index)
      index = parent
    }
    this.#dueMs[index] = dueMs
    this.#offsets[index] = offset
  }

  /** The offset of the first; the heap must not be empty. */
  pop(): number {
    const first = this.#offsets[0] as number
    const last = --this.#length
    const dueMs = this.#dueMs[last] as number
    const offset = this.#offsets[last] as number
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= last) break
      const right = child + 1
      if (right < last && this.#before(this.#dueMs[right] as number, this.#offsets[right] as number, child))
        child = right
      if (this.#before(dueMs, offset, child)) break
      this.#move(child, index)
      index = child
    }
    this.#dueMs[index] = dueMs
    this.#offsets[index] = offset
    if (this.#length > 64 && this.#length < this.#dueMs.length >> 2) this.#resize(this.#dueMs.length >> 1)
    return first
  }

  #before(dueMs: number, offset: number, index: number): boolean {
    const other = this.#dueMs[index] as number
    return dueMs < other || (dueMs === other && offset < (this.#offsets[index] as number))
  }

  #move(from: number, to: number): void {
    this.#dueMs[to] = this.#dueMs[from] as number
    this.#offsets[to] = this.#offsets[from] as number
  }

  #resize(size: number): void {
    const dueMs = new Float64Array(size)
    const offsets = new Float64Array(size)
    dueMs.set(this.#dueMs.subarray(0, Math.min(size, this.#length)))
    offsets.set(this.#offsets.subarray(0, Math.min(size, this.#length)))
    this.#dueMs = dueMs
    this.#offsets = offsets
  }
}
