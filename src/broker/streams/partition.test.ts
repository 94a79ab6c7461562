import { afterEach, describe, expect, test } from 'vitest'
import { stampOf } from '../../../test/support/broker/plain-batches.ts'
import { Answers } from '../../../test/support/broker/queue-bench.ts'
import { contentOf, StreamBench } from '../../../test/support/broker/stream-bench.ts'

let bench: StreamBench

afterEach(() => bench.broker.close())

describe('partition: appending and reading', () => {
  test('batches get their offsets one after another, and are read whole', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    expect(await bench.append(partition, ['a', 'b'])).toEqual({ kind: 'appended', baseOffset: 0 })
    expect(await bench.append(partition, ['c'])).toEqual({ kind: 'appended', baseOffset: 2 })
    expect(partition.highWatermark).toBe(3)
    const [inside] = await partition.read(1, 1, 'uncommitted')
    expect(inside).toMatchObject({ baseOffset: 0, count: 2 })
    expect(stampOf(inside!.bytes)).toBe(0)
    expect(await contentOf(partition)).toEqual(['0:a,b', '2:c'])
    expect(await partition.read(3, 100, 'uncommitted')).toEqual([])
    await expect(partition.read(4, 100, 'uncommitted')).rejects.toThrow('offset 4 is outside of t-0: 0 to 3')
  })

  test('nothing is readable or confirmed before it is durable, and readers are told once per group', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    let told = 0
    partition.listen({ progressed: () => told++ })
    const answers = new Answers()
    bench.appendNow(partition, ['a'], undefined, answers)
    bench.appendNow(partition, ['b'], undefined, answers)
    expect(partition.highWatermark).toBe(0)
    expect(answers.confirmedSequences).toEqual([])
    await bench.session.durable()
    expect(partition.highWatermark).toBe(2)
    expect(answers.confirmedSequences).toEqual([1, 1])
    expect(told).toBe(1)
  })

  test('one batch is given however large, and no more than asked for', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    for (const letter of ['a', 'b', 'c']) await bench.append(partition, [letter.repeat(1000)])
    expect(await partition.read(0, 1, 'uncommitted')).toHaveLength(1)
    expect(await partition.read(0, 2500, 'uncommitted')).toHaveLength(2)
  })

  test('everything is there after a restart, and offsets go on', async () => {
    bench = await StreamBench.open()
    await bench.append(await bench.create('t'), ['a', 'b'])
    await bench.restart()
    const partition = bench.partition('t')
    expect(partition.highWatermark).toBe(2)
    expect(await bench.append(partition, ['c'])).toEqual({ kind: 'appended', baseOffset: 2 })
    expect(await contentOf(partition)).toEqual(['0:a,b', '2:c'])
  })

  test('what was removed stays removed over a restart, also in the middle of a batch', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    for (const pair of ['ab', 'cd', 'ef']) await bench.append(partition, [...pair])
    expect(await partition.deleteBefore(3)).toBe(3)
    expect(await partition.deleteBefore(1)).toBe(3)
    await expect(partition.deleteBefore(7)).rejects.toThrow('above the high watermark 6')
    await expect(partition.read(2, 100, 'uncommitted')).rejects.toThrow('outside')
    expect(await contentOf(partition)).toEqual(['2:c,d', '4:e,f'])
    await bench.restart()
    expect(bench.partition('t').startOffset).toBe(3)
    expect(await contentOf(bench.partition('t'))).toEqual(['2:c,d', '4:e,f'])
    expect(await bench.partition('t').deleteBefore(6)).toBe(6)
    expect(await contentOf(bench.partition('t'))).toEqual([])
    expect(bench.partition('t').storedBytes).toBe(0)
  })

  test('readers at one place share a read, one who knows of more does not', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    await bench.append(partition, ['a'])
    const [one, other] = await Promise.all([0, 0].map((from) => partition.read(from, 100, 'uncommitted')))
    expect(one![0]!.bytes).toBe(other![0]!.bytes)
    const early = partition.read(0, 10_000, 'uncommitted')
    bench.appendNow(partition, ['b'])
    while (partition.highWatermark < 2) await new Promise(setImmediate)
    const late = partition.read(0, 10_000, 'uncommitted')
    expect(await early).toHaveLength(1)
    expect(await late).toHaveLength(2)
  })
})
