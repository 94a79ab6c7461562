/**
 * The Kafka door, killed again and again under load. What clients were answered must be there in the end, in its place and
 * once: test/support/crash/kafka-run.ts says what that means. Longer runs by hand: `node scripts/crash.mjs --kafka`.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'
import { runKafkaThroughKills } from '../support/crash/kafka-run.ts'

let broker: KafkaUnderTest
beforeEach(async () => {
  broker = await startKafkaBroker(['--log-level', 'warn'])
})
afterEach(() => broker?.stop())

it('kafka: killed twenty times under load, nothing answered for is lost, moved, repeated or half there', async () => {
  const { violations, ...counts } = await runKafkaThroughKills(broker, 21, broker.ours ? 20 : 0)
  expect(violations).toEqual([])
  // The run must have had something to lose.
  expect(counts.confirmed).toBeGreaterThan(500)
  expect(counts.once).toBeGreaterThan(500)
  expect(counts.committed).toBeGreaterThan(50)
  expect(counts.aborted).toBeGreaterThan(10)
  expect(counts.followed).toBeGreaterThan(500)
  expect(counts.commits).toBeGreaterThan(20)
})
