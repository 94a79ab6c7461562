/**
 * What applications do with Kafka, done with every client there is a program for in programs/kafka: the same scenarios,
 * and one table of what they must come to. BUSBAR_TEST_KAFKA=host:port judges another broker, such as Apache Kafka.
 */
import * as zlib from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'
import { kafkaClients, type ScenarioName, scenarioNames } from '../support/clients/kafka-clients.ts'

vi.setConfig({ testTimeout: 60_000 })

const outcomes: Readonly<Record<ScenarioName, { title: string; outcome: Record<string, unknown> }>> = {
  records: {
    title: 'keys, headers, timestamps and tombstones come back, in order for each key',
    outcome: {
      read: 12,
      together: true,
      inOrder: true,
      headers: true,
      emptyHeader: true,
      tombstones: [11],
      timestamps: true,
    },
  },
  compression: {
    title: 'every codec it has passes through untouched',
    outcome: { none: true, gzip: true, snappy: true, lz4: true, zstd: true },
  },
  acks: { title: 'acks 0, 1 and all deliver', outcome: { read: 30 } },
  limits: {
    title: 'a record above max.message.bytes is refused with its code, and the next one is taken',
    outcome: { tooLarge: 10, afterwards: 'v0' },
  },
  auto_creation: { title: 'a topic nobody made is made by its first record', outcome: { read: ['first'] } },
  offsets: {
    title: 'a group resumes where it committed; offsets are found by time, and sought',
    outcome: {
      first: ['v0', 'v1', 'v2', 'v3'],
      resumed: 'v4',
      committed: 4,
      note: 'note',
      bounds: [0, 10],
      atTime: 6,
      atTimeTimestamp: 1_700_000_006_000,
      afterAll: null,
      sought: 'v0',
    },
  },
  idempotence: { title: 'an idempotent producer delivers once and in order', outcome: { read: 300, inOrder: true } },
  transactions: {
    title: 'read_committed sees committed records alone; offsets commit with them; an heir fences its elder',
    outcome: {
      committed: ['a1', 'a2', 'c1'],
      everything: ['a1', 'a2', 'b1', 'b2', 'c1', 'd1'],
      groupOffset: 7,
      fenced: true,
    },
  },
  administration: {
    title: 'topics, configs, partitions, records and groups are administered, with errors where they belong',
    outcome: {
      again: 36,
      partitions: 2,
      retention: '3600000',
      altered: '7200000',
      grown: 4,
      shrunk: 37,
      firstKept: 3,
      groupListed: true,
      groupState: 'Empty',
      groupOffset: 5,
      groupLeft: false,
      listed: false,
      deletedAgain: 3,
    },
  },
}

/** What a client has no call for, or no codec. Its program says nothing of it. */
const unsaid: Readonly<Record<string, Partial<Record<ScenarioName, readonly string[]>>>> = {
  kafkajs: { compression: ['snappy', 'lz4', 'zstd'], offsets: ['atTimeTimestamp', 'afterAll'] },
  'kafka-python 2.0.2': { administration: ['firstKept'] },
  // Its zstd is Node's, which older lines of Node do not have.
  '@platformatic/kafka': { offsets: ['note'], compression: 'zstdCompressSync' in zlib ? [] : ['zstd'] },
}

function expected(client: string, scenario: ScenarioName): Record<string, unknown> {
  const left = unsaid[client]?.[scenario] ?? []
  return Object.fromEntries(Object.entries(outcomes[scenario].outcome).filter(([name]) => !left.includes(name)))
}

let broker: KafkaUnderTest
beforeAll(async () => {
  broker = await startKafkaBroker()
})
afterAll(() => broker?.stop())

for (const [name, prepare] of Object.entries(kafkaClients)) {
  const client = await prepare()
  describe(client.kind === 'ready' ? name : `${name} (${client.reason})`, () => {
    beforeEach((context) => {
      if (client.kind === 'missing') context.skip(client.reason)
    })
    for (const scenario of client.kind === 'ready' ? client.scenarios : scenarioNames) {
      it(`${name}: ${outcomes[scenario].title}`, async () => {
        if (client.kind === 'missing') return
        expect(await client.run(broker.bootstrap, scenario)).toEqual(expected(name, scenario))
      })
    }
  })
}
