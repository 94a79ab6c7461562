import { describe, expect, test } from 'vitest'
import { NumberReader, NumberWriter } from './number-list.ts'
import { Segments } from './segments.ts'
import { TimeIndex } from './time-index.ts'

const limits = { segmentBytes: 100, segmentMs: 1000 }

describe('segments', () => {
  test('one closes when a batch would make it too long, or too old', () => {
    const segments = new Segments()
    expect(segments.add(0, 60, 0, limits)).toBe(false)
    expect(segments.add(1, 40, 1000, limits)).toBe(false)
    expect(segments.add(2, 1, 0, limits)).toBe(true)
    expect(segments.add(3, 1, 1001, limits)).toBe(true)
    expect(segments.add(4, 500, 1001, limits)).toBe(true)
    expect(segments.all.map((segment) => segment.baseOffset)).toEqual([0, 2, 3, 4])
    expect(segments.sizeBytes).toBe(602)
  })

  test('removal takes whole ones, and a share of the one it reaches into', () => {
    const segments = new Segments()
    for (let offset = 0; offset < 30; offset += 10) segments.add(offset, 90, 0, limits)
    segments.trim(15, 30)
    expect(segments.all.map(({ baseOffset, sizeBytes }) => [baseOffset, sizeBytes])).toEqual([
      [15, 45],
      [20, 90],
    ])
    expect(segments.sizeBytes).toBe(135)
    segments.trim(30, 30)
    expect([segments.all, segments.sizeBytes]).toEqual([[], 0])
  })

  test('their number is bounded, and nothing is lost by that', () => {
    const segments = new Segments()
    for (let offset = 0; offset < 50_000; offset++) segments.add(offset, 100, offset % 977, limits)
    expect(segments.all.length).toBeLessThanOrEqual(4096)
    expect(segments.sizeBytes).toBe(5_000_000)
    expect(segments.all.reduce((sum, segment) => sum + segment.sizeBytes, 0)).toBe(5_000_000)
    expect(segments.active).toMatchObject({ baseOffset: 49_999, sizeBytes: 100 })
    const bases = segments.all.map((segment) => segment.baseOffset)
    expect(bases).toEqual(bases.toSorted((a, b) => a - b))
  })
})

describe('time index', () => {
  /** The first stretch that can hold the time, by looking at every batch. */
  const times = (count: number) => Array.from({ length: count }, (_, index) => index * 10 + ((index * 7919) % 500))

  test('its size is bounded, and every search leads to the right place', () => {
    const index = new TimeIndex()
    const all = times(40_000)
    for (const [offset, time] of all.entries()) index.add(offset, 64 * 1024, time)
    expect(index.count).toBeLessThanOrEqual(8192)
    for (let sought = 0; sought < 400_000; sought += 9973) {
      const right = all.findIndex((time) => time >= sought)
      const [first] = index.since(sought, all.length)
      if (right < 0) expect(first).toBeUndefined()
      else {
        expect(first!.fromOffset).toBeLessThanOrEqual(right)
        expect(first!.toOffset).toBeGreaterThan(right)
      }
    }
  })

  test('what is removed or replaced below an offset leaves the rest alone', () => {
    const index = new TimeIndex()
    for (let offset = 0; offset < 10; offset++) index.add(offset, 64 * 1024, offset)
    index.trim(3)
    expect([...index.since(0, 10)][0]?.fromOffset).toBe(3)
    const fresh = new TimeIndex()
    fresh.add(4, 1, 100)
    index.replaceBelow(6, fresh)
    expect([...index.since(0, 10)].map(({ fromOffset, maxTimestampMs }) => [fromOffset, maxTimestampMs])).toEqual([
      [4, 100],
      [6, 6],
      [7, 7],
      [8, 8],
      [9, 9],
    ])
    const writer = new NumberWriter()
    index.encode(writer)
    const copy = new TimeIndex()
    copy.decode(new NumberReader(writer.toBytes(1)))
    expect([...copy.since(0, 10)]).toEqual([...index.since(0, 10)])
  })
})
