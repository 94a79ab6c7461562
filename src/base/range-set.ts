/**
 * A set of whole numbers kept as sorted, disjoint, never touching ranges [from, to): made for offsets, which arrive
 * nearly in order. Adding at the end, or next to what is there, costs O(1); elsewhere O(log n) plus a bounded move, because
 * ranges live in blocks of at most `BLOCK_RANGES`. Memory follows the number of ranges, never their length.
 */
const BLOCK_RANGES = 256

/** [from, to, from, to, ...] ascending; never empty while it is part of a set. */
type Block = number[]

export class RangeSet {
  #blocks: Block[] = []
  #size = 0
  #rangeCount = 0

  /** How many numbers are in the set. */
  get size(): number {
    return this.#size
  }

  get rangeCount(): number {
    return this.#rangeCount
  }

  /** The smallest member. */
  get first(): number | undefined {
    return this.#blocks[0]?.[0]
  }

  /** One past the largest member. */
  get end(): number | undefined {
    return this.#blocks.at(-1)?.at(-1)
  }

  /** Adds [from, to). Returns how many of these numbers were new. */
  add(from: number, to: number): number {
    if (to <= from) return 0
    const last = this.#blocks.at(-1)
    if (last !== undefined) {
      const lastFrom = last[last.length - 2] as number
      const lastTo = last[last.length - 1] as number
      if (from < lastFrom) return this.#addInside(from, to)
      if (from <= lastTo) {
        if (to <= lastTo) return 0
        last[last.length - 1] = to
        this.#size += to - lastTo
        return to - lastTo
      }
      if (last.length < BLOCK_RANGES * 2) {
        last.push(from, to)
        return this.#grown(to - from)
      }
    }
    this.#blocks.push([from, to])
    return this.#grown(to - from)
  }

  #grown(count: number): number {
    this.#rangeCount++
    this.#size += count
    return count
  }

  #addInside(from: number, to: number): number {
    const at = this.#findBlock(from)
    const block = this.#blocks[at] as Block
    const index = findRange(block, from)
    const rangeFrom = block[index] as number
    if (rangeFrom > to) {
      block.splice(index, 0, from, to)
      if (block.length > BLOCK_RANGES * 2) this.#blocks.splice(at + 1, 0, block.splice(BLOCK_RANGES))
      return this.#grown(to - from)
    }
    const before = this.#size
    const rangeTo = block[index + 1] as number
    block[index] = Math.min(from, rangeFrom)
    this.#size += rangeFrom - (block[index] as number)
    if (to > rangeTo) {
      // What the longer range swallows is taken out first, so that its numbers count once.
      const end = this.#absorb(at, index, to)
      block[index + 1] = end
      this.#size += end - rangeTo
    }
    return this.#size - before
  }

  /** Removes the ranges behind `index` that begin at or before `to`; returns where the united range ends. */
  #absorb(at: number, index: number, to: number): number {
    let end = to
    let blockAt = at
    let start = index + 2
    for (;;) {
      const block = this.#blocks[blockAt]
      if (block === undefined) return end
      let stop = start
      while (stop < block.length && (block[stop] as number) <= to) {
        end = Math.max(end, block[stop + 1] as number)
        this.#size -= (block[stop + 1] as number) - (block[stop] as number)
        this.#rangeCount--
        stop += 2
      }
      const whole = stop === block.length
      block.splice(start, stop - start)
      if (block.length === 0) this.#blocks.splice(blockAt, 1)
      else blockAt++
      if (!whole) return end
      start = 0
    }
  }

  /** Removes everything below `limit`. Returns how many numbers were removed. */
  removeBelow(limit: number): number {
    const before = this.#size
    let dead = 0
    for (; dead < this.#blocks.length; dead++) {
      const block = this.#blocks[dead] as Block
      if ((block[block.length - 1] as number) > limit) break
      this.#forget(block, block.length)
    }
    if (dead > 0) this.#blocks.splice(0, dead)
    const block = this.#blocks[0]
    if (block === undefined) return before - this.#size
    const index = findRange(block, limit + 1)
    if (index > 0) {
      this.#forget(block, index)
      block.splice(0, index)
    }
    const from = block[0] as number
    if (from < limit) {
      block[0] = limit
      this.#size -= limit - from
    }
    return before - this.#size
  }

  #forget(block: Block, length: number): void {
    for (let index = 0; index < length; index += 2) {
      this.#size -= (block[index + 1] as number) - (block[index] as number)
    }
    this.#rangeCount -= length / 2
  }

  contains(value: number): boolean {
    return this.nextMissing(value) > value
  }

  /** Whether all of [from, to) is in the set; true for an empty range. */
  covers(from: number, to: number): boolean {
    return to <= from || this.nextMissing(from) >= to
  }

  /** The smallest number at or after `value` that is not in the set. */
  nextMissing(value: number): number {
    const block = this.#blocks[this.#findBlock(value + 1)]
    if (block === undefined) return value
    const index = findRange(block, value + 1)
    return (block[index] as number) <= value ? (block[index + 1] as number) : value
  }

  /** The smallest member at or after `value`. */
  nextMember(value: number): number | undefined {
    const block = this.#blocks[this.#findBlock(value + 1)]
    return block === undefined ? undefined : Math.max(value, block[findRange(block, value + 1)] as number)
  }

  /** How many members lie in [from, to). */
  countWithin(from: number, to: number): number {
    let count = 0
    for (let at = this.#findBlock(from + 1); at < this.#blocks.length; at++) {
      const block = this.#blocks[at] as Block
      for (let index = findRange(block, from + 1); index < block.length; index += 2) {
        const start = block[index] as number
        if (start >= to) return count
        count += Math.min(to, block[index + 1] as number) - Math.max(from, start)
      }
    }
    return count
  }

  clear(): void {
    this.#blocks = []
    this.#size = 0
    this.#rangeCount = 0
  }

  /** In ascending order. The set must not change meanwhile. */
  forEach(fn: (from: number, to: number) => void): void {
    for (const block of this.#blocks) {
      for (let index = 0; index < block.length; index += 2) fn(block[index] as number, block[index + 1] as number)
    }
  }

  *[Symbol.iterator](): Iterator<[from: number, to: number]> {
    for (const block of this.#blocks) {
      for (let index = 0; index < block.length; index += 2) yield [block[index] as number, block[index + 1] as number]
    }
  }

  /** The first block with a range that ends at or after `value`; one past the last block if there is none. */
  #findBlock(value: number): number {
    const blocks = this.#blocks
    // Offsets are settled nearly in order, so what is looked for is mostly at the front.
    const first = blocks[0]
    if (first !== undefined && (first[first.length - 1] as number) >= value) return 0
    let low = 0
    let high = blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const block = blocks[middle] as Block
      if ((block[block.length - 1] as number) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Index of the first range that ends at or after `value`; the block's length if there is none. */
function findRange(block: Block, value: number): number {
  let low = 0
  let high = block.length >>> 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((block[middle * 2 + 1] as number) < value) low = middle + 1
    else high = middle
  }
  return low * 2
}
