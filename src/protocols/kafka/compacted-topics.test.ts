/** Compaction with the batches of real clients: packed, taken apart, packed again, and taken apart once more. */
import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../base/random.ts'
import { BrokerStage, record } from './broker-stage.test-kit.ts'
import { kafkaBatchFormat } from './kafka-batch-format.ts'
import { encodeBatch } from './wire/batch-writer.ts'
import { COMPRESSION } from './wire/compression.ts'

const NOW_MS = 1_700_000_000_000
const FIVE_MINUTES_MS = 300_000

const kinds = [COMPRESSION.none, COMPRESSION.gzip, COMPRESSION.snappy, COMPRESSION.lz4]

interface Written {
  readonly offset: number
  readonly key: string
  readonly value: string
}

/** One batch of some keys into partition 0 of 't'. */
function append(stage: BrokerStage, random: Random, round: number): Written[] {
  const partition = stage.session.streams.partition('t', 0)!
  const written = Array.from({ length: 1 + random.below(4) }, (_, index) => ({
    key: `key-${random.below(12)}`,
    value: `value ${round}.${index} ${'x'.repeat(random.below(50))}`,
  }))
  const records = written.map(({ key, value }) => record(value, { key: Buffer.from(key), timestampMs: NOW_MS }))
  const bytes = encodeBatch(records, { compression: kinds[random.below(kinds.length)]! })
  const result = partition.append(bytes, kafkaBatchFormat.facts(bytes), undefined, 0)
  const baseOffset = result.kind === 'appended' ? result.baseOffset : Number.NaN
  return written.map((one, index) => ({ ...one, offset: baseOffset + index }))
}

async function readAll(stage: BrokerStage): Promise<Map<number, string>> {
  const partition = stage.session.streams.partition('t', 0)!
  const found = new Map<number, string>()
  for (let next = 0; next < partition.highWatermark; ) {
    const batches = await partition.read(next, 1000, 'uncommitted')
    for (const { baseOffset, count, bytes } of batches) {
      next = baseOffset + count
      expect(kafkaBatchFormat.facts(bytes).count).toBe(count)
      for (const { index, message } of await kafkaBatchFormat.messages(bytes, 't')) {
        found.set(baseOffset + index, message.body().toString())
      }
    }
    if (batches.length === 0) break
  }
  return found
}

test('compacted topics: each key keeps its newest record at its offset, through many passes and all compressions', async () => {
  const stage = await BrokerStage.open()
  const configs = { 'cleanup.policy': 'compact', 'segment.bytes': '300', 'min.cleanable.dirty.ratio': '0' }
  await stage.topic('t', 1, configs)
  const random = seededRandom(5)
  const all: Written[] = []
  for (let pass = 0; pass < 15; pass++) {
    for (let round = 0; round < 8; round++) all.push(...append(stage, random, pass * 8 + round))
    await stage.session.durable()
    stage.clock.advance(FIVE_MINUTES_MS)
    await stage.broker.compactionIdle()
    const found = await readAll(stage)
    const newest = new Map(all.map((one) => [one.key, one]))
    for (const { offset, value } of newest.values()) expect(found.get(offset)).toBe(value)
    for (const [offset, value] of found) expect(all.find((one) => one.offset === offset)?.value).toBe(value)
    // What is left beside the newest of twelve keys lies in the segment that still grows.
    expect(found.size).toBeLessThan(newest.size + 20)
  }
})
