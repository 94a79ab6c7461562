import { expect, test } from 'vitest'
import { fetchedMbPerSecond, producedMbPerSecond } from '../../../bench/kafka/perf-tools.ts'
import { kafkaPlans } from '../../../bench/kafka/plans.ts'
import { readOptions } from '../../../bench/options.ts'

const PRODUCED = `Warmup first 10000 records. Steady state results will print after the complete test summary.
11111 records sent, 2222.2 records/sec (2.17 MB/sec), 28.0 ms avg latency, 42.0 ms max latency.
30000 records sent, 26431.718062 records/sec (25.81 MB/sec), 280.94 ms avg latency, 423.00 ms max latency, 293 ms 50th
20000 steady state records sent, 29455.081001 records/sec (28.76 MB/sec), 335.38 ms avg latency, 423.00 ms max latency
`
const FETCHED = `start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec
2026-11-20 06:14:30:091, 2026-11-20 06:14:30:530, 19.5313, 44.4903, 20001, 45560.3645, 267, 172, 113.5538, 116284.8837
`

test('kafka bench: the figure of a produce run is the one behind its warm-up', () => {
  expect(producedMbPerSecond(PRODUCED)).toBe(28.76)
  expect(() => producedMbPerSecond('2 records sent, 3 records/sec (4 MB/sec)')).toThrow('the producer said')
})

test('kafka bench: the figure of a fetch run is taken from the assignment on, and only when all was read', () => {
  expect(fetchedMbPerSecond(FETCHED, 20_000)).toBe(113.5538)
  expect(() => fetchedMbPerSecond(FETCHED, 20_002)).toThrow('the consumer said')
  expect(() => fetchedMbPerSecond('', 1)).toThrow('the consumer said')
})

test('kafka bench: one word asks for all of its rows, and each can be asked for alone', () => {
  const ids = kafkaPlans.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(readOptions(['--only', 'kafka'])).toHaveProperty('ids', new Set(ids))
  for (const id of ids) expect(readOptions(['--only', id])).toHaveProperty('ids', new Set([id]))
})
