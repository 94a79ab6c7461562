import { describe, expect, test } from 'vitest'
import { seededRandom } from './random.ts'
import { RangeSet } from './range-set.ts'

const listOf = (set: RangeSet): [number, number][] => [...set]

function rangesOf(members: ReadonlySet<number>, limit: number): [number, number][] {
  const ranges: [number, number][] = []
  for (let value = 0; value < limit; value++) {
    if (!members.has(value)) continue
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === value) last[1] = value + 1
    else ranges.push([value, value + 1])
  }
  return ranges
}

function compare(set: RangeSet, model: ReadonlySet<number>, limit: number): void {
  const ranges = rangesOf(model, limit)
  expect(listOf(set)).toEqual(ranges)
  expect(set.size).toBe(model.size)
  expect(set.rangeCount).toBe(ranges.length)
  expect(set.first).toBe(ranges[0]?.[0])
  expect(set.end).toBe(ranges.at(-1)?.[1])
  for (let value = 0; value <= limit; value += 7) {
    expect(set.contains(value)).toBe(model.has(value))
    let missing = value
    while (model.has(missing)) missing++
    expect(set.nextMissing(value)).toBe(missing)
    expect(set.nextMember(value)).toBe([...model].filter((member) => member >= value).sort((a, b) => a - b)[0])
  }
}

describe('range set', () => {
  test('neighbours become one range, from either side and in the middle', () => {
    const set = new RangeSet()
    expect(set.add(10, 20)).toBe(10)
    expect(set.add(20, 30)).toBe(10)
    expect(set.add(5, 10)).toBe(5)
    expect(set.add(40, 50)).toBe(10)
    expect(set.add(30, 40)).toBe(10)
    expect(listOf(set)).toEqual([[5, 50]])
    expect(set.add(7, 49)).toBe(0)
    expect(set.add(9, 9)).toBe(0)
    expect(set.covers(5, 50)).toBe(true)
    expect(set.covers(4, 6)).toBe(false)
    expect(set.covers(49, 51)).toBe(false)
    expect(set.covers(99, 99)).toBe(true)
  })

  test('behaves as a set of numbers through random changes', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = seededRandom(seed)
      const limit = 3000
      const set = new RangeSet()
      const model = new Set<number>()
      for (let step = 0; step < 1500; step++) {
        const from = random.below(limit - 40)
        const to = from + random.below(random.below(20) === 0 ? 40 : 3)
        if (random.below(300) === 0) {
          let removed = 0
          for (const value of [...model]) if (value < from) removed += model.delete(value) ? 1 : 0
          expect(set.removeBelow(from)).toBe(removed)
        } else {
          let fresh = 0
          for (let value = from; value < to; value++) {
            if (!model.has(value)) fresh++
            model.add(value)
          }
          expect(set.add(from, to)).toBe(fresh)
        }
        const at = random.below(limit)
        const count = random.below(200)
        let within = 0
        for (let value = at; value < at + count; value++) within += model.has(value) ? 1 : 0
        expect(set.countWithin(at, at + count)).toBe(within)
        expect(set.covers(at, at + count)).toBe(within === count)
      }
      compare(set, model, limit)
    }
  })

  test('many separate ranges, then the gaps filled from the back, end as one range', () => {
    const set = new RangeSet()
    const count = 5000
    for (let value = 0; value < count; value++) set.add(value * 2, value * 2 + 1)
    expect(set.rangeCount).toBe(count)
    for (let value = count - 1; value >= 0; value--) set.add(value * 2 + 1, value * 2 + 2)
    expect(listOf(set)).toEqual([[0, count * 2]])
    expect(set.size).toBe(count * 2)
  })

  test('one long range swallows ranges of many blocks', () => {
    const set = new RangeSet()
    for (let value = 0; value < 3000; value++) set.add(value * 3, value * 3 + 1)
    expect(set.add(4, 8000)).toBe(7996 - 2665)
    expect(listOf(set).slice(0, 3)).toEqual([
      [0, 1],
      [3, 8000],
      [8001, 8002],
    ])
    set.clear()
    expect(set.size).toBe(0)
    expect(set.first).toBeUndefined()
    expect(set.nextMember(0)).toBeUndefined()
    expect(set.nextMissing(3)).toBe(3)
  })

  test('forEach hands out the same ranges as iteration', () => {
    const set = new RangeSet()
    for (const value of [9, 3, 1, 7, 2]) set.add(value, value + 1)
    const seen: [number, number][] = []
    set.forEach((from, to) => {
      seen.push([from, to])
    })
    expect(seen).toEqual(listOf(set))
    expect(seen).toEqual([
      [1, 4],
      [7, 8],
      [9, 10],
    ])
  })
})
