/**
 * Consumer groups as each client lives them: two members share, one leaves in order, one dies, and every record is read.
 * Members are processes, so that one can be killed.
 */
import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'
import { kafkaClients, type ReadyClient } from '../support/clients/kafka-clients.ts'
import type { Program } from '../support/clients/program.ts'

vi.setConfig({ testTimeout: 90_000 })

const PARTITION_COUNT = 4
const WHOLE = 'assigned 0,1,2,3'

let broker: KafkaUnderTest
beforeAll(async () => {
  broker = await startKafkaBroker()
})
afterAll(() => broker?.stop())

/** Until each has two of the four. It may take more than one rebalance, of which they do not hear at once. */
async function sharedBy(one: Program, other: Program): Promise<void> {
  const mine = ({ lines }: Program): string[] => {
    return lines.findLast((line) => line.startsWith('assigned'))?.match(/\d/g) ?? []
  }
  const isShared = (): boolean => {
    const [first, second] = [mine(one), mine(other)]
    return first.length === 2 && second.length === 2 && new Set([...first, ...second]).size === PARTITION_COUNT
  }
  await Promise.race([one, other].map((member) => member.lineWhere(isShared, 'with which both have a half')))
}

/** What is printed from now on. */
function afterNow(program: Program): (expected: string) => Promise<string> {
  const seen = program.lines.length
  return (expected) =>
    program.lineWhere(() => program.lines.lastIndexOf(expected) >= seen, `${expected}, once more`).then(() => expected)
}

async function withKafka(work: (kafka: Kafka) => Promise<void>): Promise<void> {
  await work(new Kafka({ clientId: 'stage', brokers: [broker.bootstrap], logLevel: logLevel.NOTHING }))
}

async function makeTopic(topic: string): Promise<void> {
  await withKafka(async (kafka) => {
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITION_COUNT, replicationFactor: 1 }] })
    await admin.disconnect()
  })
}

/** To every partition the same number; answers the texts. */
async function produce(topic: string, name: string): Promise<string[]> {
  const messages = Array.from({ length: 20 }, (_, index) => ({
    value: `${name} ${index}`,
    partition: index % PARTITION_COUNT,
  }))
  await withKafka(async (kafka) => {
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic, messages })
    await producer.disconnect()
  })
  return messages.map(({ value }) => value)
}

async function allRead(texts: readonly string[], ...members: Program[]): Promise<void> {
  const wanted = texts.map((text) => `read ${text}`)
  await Promise.all(
    wanted.map((line) => Promise.race(members.map((member) => member.lineWhere((each) => each === line, line)))),
  )
}

async function groupStory(start: (topic: string, group: string) => Program, started: Program[]): Promise<void> {
  const [topic, group] = [`shared.${randomUUID()}`, `workers.${randomUUID()}`]
  await makeTopic(topic)
  const member = (): Program => {
    const program = start(topic, group)
    started.push(program)
    return program
  }
  const first = member()
  await first.line(WHOLE)
  const second = member()
  await sharedBy(first, second)
  await allRead(await produce(topic, 'shared'), first, second)
  const afterLeaving = afterNow(first)
  second.signal('SIGTERM')
  await Promise.all([second.line('left'), afterLeaving(WHOLE)])
  await second.ending
  await allRead(await produce(topic, 'alone'), first)
  const third = member()
  await sharedBy(first, third)
  const afterDeath = afterNow(first)
  await third.end('SIGKILL')
  await afterDeath(WHOLE)
  await allRead(await produce(topic, 'survived'), first)
  first.signal('SIGTERM')
  await first.line('left')
}

const prepared: [string, ReadyClient][] = []
for (const [name, prepare] of Object.entries(kafkaClients)) prepared.push([name, await prepare()])

describe.concurrent('groups', () => {
  const started: Program[] = []
  afterAll(() => Promise.all(started.map((program) => program.end())))

  for (const [name, client] of prepared) {
    if (client.kind === 'missing') {
      it(`${name} (${client.reason})`, (context) => context.skip(client.reason))
      continue
    }
    it(`${name}: members share, leave and die, and every record is read`, () =>
      groupStory((topic, group) => client.member(broker.bootstrap, topic, group), started))
  }
})
