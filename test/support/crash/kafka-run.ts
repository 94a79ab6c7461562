/**
 * Kafka clients at work while the broker is killed again and again, and the judge of what they find in the end: nothing
 * that was answered is missing or has moved, nothing of an idempotent producer is there twice, and of every transaction a
 * read_committed reader sees all or nothing.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import type { KafkaUnderTest } from '../clients/kafka-broker.ts'
import { Follower } from './kafka-follower.ts'
import { OnceWriter, PARTITIONS, PlainWriter, TransactionWriter, type Writer } from './kafka-writers.ts'

export type KafkaOutcome = {
  readonly violations: readonly string[]
  readonly confirmed: number
  readonly once: number
  readonly committed: number
  readonly aborted: number
  readonly unknown: number
  readonly followed: number
  readonly commits: number
}

const PROGRESS_MS_MAX = 20_000
const READ_MS_MAX = 20_000
const LOAD_MS: readonly [number, number] = [100, 500]

type Topics = { readonly plain: string; readonly once: string; readonly transactional: string }

/** @param rounds how many times it is killed; 0 with a broker that is not ours shows that the judge asks nothing special */
export async function runKafkaThroughKills(
  broker: KafkaUnderTest,
  seed: number,
  rounds: number,
  onRound: (round: number) => void = () => {},
): Promise<KafkaOutcome> {
  const random = seededRandom(seed)
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 1000 })
  const topics = { plain: `plain.${seed}`, once: `once.${seed}`, transactional: `transactional.${seed}` }
  await createTopics(kafka, topics)
  const plain = new PlainWriter(kafka, topics.plain)
  const once = new OnceWriter(kafka, topics.once)
  const transactional = new TransactionWriter(kafka, topics.transactional)
  const writers = [plain, once, transactional]
  const follower = new Follower(kafka, topics.plain)
  const failures: string[] = []
  const runs = writers.map((writer) => writer.run().catch((error) => failures.push(`${writer.name} gave up: ${error}`)))
  await follower.start()
  for (let round = 1; round <= Math.max(rounds, 1) && failures.length === 0; round++) {
    await untilEverybodyWorks(writers, failures)
    await wait(LOAD_MS[0] + random.below(LOAD_MS[1] - LOAD_MS[0]))
    if (rounds > 0) await killAndRestart(broker, random)
    onRound(round)
  }
  await untilEverybodyWorks(writers, failures)
  for (const writer of writers) writer.stop()
  await Promise.all(runs)
  const violations = [...failures, ...follower.complaints]
  violations.push(...(await judgePlain(kafka, topics.plain, plain)))
  violations.push(...(await judgeOnce(kafka, topics.once, once)))
  violations.push(...(await judgeTransactions(kafka, topics.transactional, transactional)))
  await follower.stop()
  violations.push(...(await judgeFollower(kafka, topics.plain, follower)))
  const fated = (fate: string): number => transactional.fates.filter((each) => each === fate).length
  return {
    violations,
    confirmed: plain.confirmed.size,
    once: once.doneCount,
    committed: fated('committed'),
    aborted: fated('aborted'),
    unknown: fated('unknown'),
    followed: follower.readCount,
    commits: follower.committedCount,
  }
}

/** Recovery has moments of its own to die in. */
async function killAndRestart(broker: KafkaUnderTest, random: Random): Promise<void> {
  await broker.kill9()
  await broker.restart()
  if (random.below(4) > 0) return
  await broker.kill9()
  await broker.restart()
}

/** A broker that is up and serves nobody would lose nothing either. */
async function untilEverybodyWorks(writers: readonly Writer[], failures: string[]): Promise<void> {
  const before = writers.map(({ doneCount }) => doneCount)
  const deadline = performance.now() + PROGRESS_MS_MAX
  for (;;) {
    const idle = writers.filter((writer, index) => writer.doneCount === before[index])
    if (idle.length === 0 || failures.length > 0) return
    if (performance.now() > deadline) {
      failures.push(`${idle.map(({ name }) => name).join(', ')}: nothing within ${PROGRESS_MS_MAX} ms`)
      return
    }
    await wait(10)
  }
}

async function createTopics(kafka: Kafka, topics: Topics): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const shape = { numPartitions: PARTITIONS.length, replicationFactor: 1 }
  await admin.createTopics({ topics: Object.values(topics).map((topic) => ({ topic, ...shape })) })
  await admin.disconnect()
}

type Found = { partition: number; offset: number; text: string }

/** Everything up to where the topic ends now. Control records take an offset and are not handed out. */
async function readAll(kafka: Kafka, topic: string): Promise<Found[] | undefined> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]))
  await admin.disconnect()
  for (const [partition, end] of ends) if (end === 0) ends.delete(partition)
  const consumer = kafka.consumer({ groupId: `${topic}.judge`, maxWaitTimeInMs: 100, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const found: Found[] = []
  const finished = new Promise<boolean>((resolve) => {
    // A batch is told of even when all of it is control records, which `eachMessage` is not.
    consumer.on('consumer.end_batch_process', ({ payload }) => {
      if (Number(payload.lastOffset) + 1 >= (ends.get(payload.partition) ?? 0)) ends.delete(payload.partition)
      if (ends.size === 0) resolve(true)
    })
    setTimeout(() => resolve(ends.size === 0), READ_MS_MAX).unref()
  })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      found.push({ partition, offset: Number(message.offset), text: message.value?.toString() ?? '' })
    },
  })
  const isWhole = await finished
  await consumer.disconnect()
  return isWhole ? found : undefined
}

async function judgePlain(kafka: Kafka, topic: string, writer: PlainWriter): Promise<string[]> {
  const found = await readAll(kafka, topic)
  if (found === undefined) return [`${topic} cannot be read to its end`]
  const texts = new Map(found.map(({ partition, offset, text }) => [`${partition}/${offset}`, text]))
  const violations: string[] = []
  for (const [place, text] of writer.confirmed) {
    if (texts.get(place) !== text) violations.push(`${topic} ${place}: ${texts.get(place)}, answered for was ${text}`)
  }
  if (new Set(texts.values()).size < texts.size) violations.push(`${topic}: a record that was sent once is there twice`)
  return violations
}

async function judgeOnce(kafka: Kafka, topic: string, writer: OnceWriter): Promise<string[]> {
  const found = await readAll(kafka, topic)
  if (found === undefined) return [`${topic} cannot be read to its end`]
  const numbers = found.map(({ text }) => Number(text.split(' ')[1]))
  const wrong = numbers.findIndex((number, index) => number !== index)
  if (wrong !== -1) return [`${topic}: place ${wrong} holds ${numbers[wrong]}`]
  return numbers.length === writer.doneCount ? [] : [`${topic}: ${numbers.length} records of ${writer.doneCount}`]
}

async function judgeTransactions(kafka: Kafka, topic: string, writer: TransactionWriter): Promise<string[]> {
  const found = await readAll(kafka, topic)
  if (found === undefined) return [`${topic} cannot be read to its end`]
  const counts = writer.fates.map(() => 0)
  for (const { text } of found) {
    const number = Number(text.split(' ')[1])
    counts[number] = (counts[number] ?? 0) + 1
  }
  const whole = PARTITIONS.length * 2
  const violations: string[] = []
  for (const [number, fate] of writer.fates.entries()) {
    const allowed = fate === 'committed' ? [whole] : fate === 'aborted' ? [0] : [0, whole]
    const count = counts[number] ?? 0
    if (!allowed.includes(count))
      violations.push(`${topic}: transaction ${number}, ${fate}, shows ${count} of ${whole}`)
  }
  const last = counts.findLastIndex((count, number) => count > 0 && TransactionWriter.hasOffset(number))
  const offset = await committedOffset(kafka, writer.groupId, topic, 0)
  if (offset !== last)
    violations.push(`${topic}: the offset is that of transaction ${offset}, the last seen is ${last}`)
  return violations
}

async function judgeFollower(kafka: Kafka, topic: string, follower: Follower): Promise<string[]> {
  const violations: string[] = []
  for (const [partition, offset] of follower.committed) {
    const kept = await committedOffset(kafka, `${topic}.followers`, topic, partition)
    if (kept < offset) violations.push(`${topic} ${partition}: offset ${kept} of the group, answered for was ${offset}`)
  }
  return violations
}

/** -1 for none. */
async function committedOffset(kafka: Kafka, groupId: string, topic: string, partition: number): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  const fetched = await admin.fetchOffsets({ groupId, topics: [topic] })
  await admin.disconnect()
  return Number(fetched[0]?.partitions.find((each) => each.partition === partition)?.offset ?? -1)
}
