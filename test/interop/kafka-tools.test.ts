/** Apache Kafka's own command-line tools, as an operator uses them, judged by what they print. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'
import { kafkaPrograms } from '../support/clients/kafka-peer.ts'
import { Program } from '../support/clients/program.ts'

vi.setConfig({ testTimeout: 60_000 })

const own = (name: string): string => `${name}.${randomUUID()}`

let broker: KafkaUnderTest
let home: string
beforeAll(async () => {
  broker = await startKafkaBroker()
  home = await mkdtemp(join(tmpdir(), 'busbar-kafka-tools-'))
})
afterAll(async () => {
  await broker?.stop()
  await rm(home, { recursive: true, force: true })
})

const programs = await kafkaPrograms()

function start(name: string, args: readonly string[], input?: string): Program {
  if (programs.kind === 'missing') throw new Error(programs.reason)
  const server = ['--bootstrap-server', broker.bootstrap]
  // One tool takes it behind its verb, another only before it, and the rest do not mind.
  const given = name === 'kafka-cluster' ? [...args, ...server] : [...server, ...args]
  const { command, args: words } = programs.kafka.tool(name, given)
  if (input === undefined) return new Program(command, words)
  return new Program('sh', ['-c', 'printf "$INPUT" | "$@"', 'sh', command, ...words], { env: { INPUT: input } })
}

/** Everything it printed, once it has ended well. */
const tool = async (name: string, ...args: string[]): Promise<string> => (await start(name, args).finished()).join('\n')

/** Columns are filled up with blanks. */
const fields = (text: string): string[][] => text.split('\n').map((line) => line.trim().split(/\s+/))

async function make(topic: string, partitions: number): Promise<void> {
  await tool('kafka-topics', '--create', '--topic', topic, '--partitions', String(partitions))
}

function topicTools(): void {
  it('kafka-topics: creates, lists, describes, grows and deletes', async () => {
    const topic = own('tool-topic')
    const config = ['--config', 'retention.ms=1000000']
    const created = await tool('kafka-topics', '--create', '--topic', topic, '--partitions', '2', ...config)
    expect(created).toContain(`Created topic ${topic}.`)
    const again = start('kafka-topics', ['--create', '--topic', topic])
    expect((await again.ending).code).toBe(1)
    expect([...again.lines, again.complaint].join('\n')).toContain(`Topic '${topic}' already exists.`)
    await tool('kafka-topics', '--alter', '--topic', topic, '--partitions', '3')
    const described = await tool('kafka-topics', '--describe', '--topic', topic)
    expect(described).toMatch(/PartitionCount: 3\tReplicationFactor: 1\tConfigs: .*retention\.ms=1000000/)
    expect(described.match(/\tPartition: \d\tLeader: (\d+)\tReplicas: \1\tIsr: \1\t/g)).toHaveLength(3)
    expect((await tool('kafka-topics', '--list')).split('\n')).toContain(topic)
    await tool('kafka-topics', '--delete', '--topic', topic)
    expect((await tool('kafka-topics', '--list')).split('\n')).not.toContain(topic)
  })

  it('kafka-configs: sets, shows and removes a setting of a topic', async () => {
    const topic = own('tool-config')
    await make(topic, 1)
    const entity = ['--entity-type', 'topics', '--entity-name', topic]
    await tool('kafka-configs', '--alter', ...entity, '--add-config', 'max.message.bytes=2000')
    const set = await tool('kafka-configs', '--describe', ...entity)
    expect(set).toContain('max.message.bytes=2000 sensitive=false')
    await tool('kafka-configs', '--alter', ...entity, '--delete-config', 'max.message.bytes')
    expect(await tool('kafka-configs', '--describe', ...entity)).not.toContain('max.message.bytes')
    const all = await tool('kafka-configs', '--describe', ...entity, '--all')
    expect(all).toMatch(/^ {2}max\.message\.bytes=1048588 sensitive=false/m)
  })

  it('kafka-get-offsets and kafka-delete-records: the first records go', async () => {
    const topic = own('tool-records')
    await make(topic, 1)
    await start('kafka-console-producer', ['--topic', topic], 'a\\nb\\nc\\n').finished()
    expect(await tool('kafka-get-offsets', '--topic', topic)).toBe(`${topic}:0:3`)
    const file = join(home, 'delete.json')
    await writeFile(file, JSON.stringify({ partitions: [{ topic, partition: 0, offset: 2 }], version: 1 }))
    expect(await tool('kafka-delete-records', '--offset-json-file', file)).toContain(`${topic}-0\tlow_watermark: 2`)
    expect(await tool('kafka-get-offsets', '--topic', topic, '--time', 'earliest')).toBe(`${topic}:0:2`)
  })

  it('kafka-broker-api-versions, kafka-cluster: the broker names itself', async () => {
    const versions = await tool('kafka-broker-api-versions')
    expect(versions).toContain(`${broker.bootstrap} (id: `)
    expect(versions).toMatch(/\tProduce\(0\): .*\[usable: \d+\]/)
    expect(await tool('kafka-cluster', 'cluster-id')).toMatch(/^Cluster ID: \S+$/)
  })
}

function consoleTools(): void {
  it('console producer and consumer: keys and headers are typed and printed; the group is described, reset and deleted', async () => {
    const [topic, group] = [own('tool-console'), own('tool-group')]
    await make(topic, 1)
    const typed = [
      'parse.key=true',
      'key.separator=:',
      'parse.headers=true',
      'headers.delimiter=;',
      'headers.key.separator==',
    ]
    const properties = typed.flatMap((property) => ['--reader-property', property])
    await start('kafka-console-producer', ['--topic', topic, ...properties], 'a=1;k1:v1\\na=2;k2:v2\\n').finished()
    const shown = ['print.key=true', 'print.headers=true'].flatMap((property) => ['--formatter-property', property])
    const reading = [
      '--topic',
      topic,
      '--group',
      group,
      '--from-beginning',
      '--max-messages',
      '2',
      '--timeout-ms',
      '20000',
    ]
    expect((await tool('kafka-console-consumer', ...reading, ...shown)).split('\n')).toEqual([
      'a:1\tk1\tv1',
      'a:2\tk2\tv2',
    ])
    expect((await tool('kafka-consumer-groups', '--list')).split('\n')).toContain(group)
    const described = fields(await tool('kafka-consumer-groups', '--describe', '--group', group))
    expect(described).toContainEqual([group, topic, '0', '2', '2', '0', '-', '-', '-'])
    const state = fields(await tool('kafka-consumer-groups', '--describe', '--group', group, '--state'))
    expect(state).toContainEqual(expect.arrayContaining([group, 'Empty', '0']))
    const reset = ['--group', group, '--reset-offsets', '--to-earliest', '--topic', topic, '--execute']
    expect(fields(await tool('kafka-consumer-groups', ...reset))).toContainEqual([group, topic, '0', '0'])
    expect(await tool('kafka-consumer-groups', '--delete', '--group', group)).toContain('was successful')
    expect((await tool('kafka-groups', '--list')).includes(group)).toBe(false)
  })

  it('kafka-transactions: lists transactions and producers', async () => {
    const topic = own('tool-producers')
    await make(topic, 1)
    await start('kafka-console-producer', ['--topic', topic], 'one\\n').finished()
    expect(await tool('kafka-transactions', 'list')).toMatch(/^TransactionalId\s+Coordinator/)
    const producers = fields(
      await tool('kafka-transactions', 'describe-producers', '--topic', topic, '--partition', '0'),
    )
    // Kafka says -1 for the coordinator's epoch before a first transaction ends.
    expect(producers[1]?.slice(1)).toEqual([
      '0',
      expect.stringMatching(/^(-1|0)$/),
      '0',
      expect.stringMatching(/^\d+$/),
      'None',
    ])
  })
}

function loadTools(): void {
  it('producer and consumer perf tests: as many records come out as went in', async () => {
    const topic = own('tool-perf')
    await make(topic, 3)
    const load = ['--topic', topic, '--num-records', '5000', '--record-size', '1024', '--throughput', '-1']
    const sent = await start('kafka-producer-perf-test', [...load, '--command-property', 'acks=all']).finished()
    expect(sent.at(-1)).toMatch(/^5000 records sent, [\d.]+ records\/sec/)
    const read = await tool('kafka-consumer-perf-test', '--topic', topic, '--num-records', '5000', '--timeout', '20000')
    expect(read.split('\n').at(-1)?.split(', ')[4]).toBe('5000')
  })

  it('verifiable producer and consumer: every record is acknowledged, read and committed', async () => {
    const [topic, group] = [own('tool-verifiable'), own('tool-verifiable')]
    await make(topic, 2)
    const sent = (await tool('kafka-verifiable-producer', '--topic', topic, '--max-messages', '200')).split('\n')
    expect(sent.filter((line) => line.includes('producer_send_success'))).toHaveLength(200)
    expect(sent.find((line) => line.includes('tool_data'))).toContain('"sent":200,"acked":200')
    const reading = ['--topic', topic, '--group-id', group, '--reset-policy', 'earliest']
    const reader = start('kafka-verifiable-consumer', reading)
    const count = (): number =>
      reader.lines.reduce((sum, line) => sum + Number(/"records_consumed","count":(\d+)/.exec(line)?.[1] ?? 0), 0)
    await reader.lineWhere(() => count() >= 200, 'that makes 200 records')
    expect(count()).toBe(200)
    reader.signal('SIGTERM')
    await reader.line(/shutdown_complete/)
    expect(reader.lines.filter((line) => /offsets_committed.*"success":true/.test(line)).length).toBeGreaterThan(0)
    const described = fields(await tool('kafka-consumer-groups', '--describe', '--group', group))
    const places = described.filter((row) => row[1] === topic)
    const sum = (column: number): number => places.reduce((total, row) => total + Number(row[column]), 0)
    expect({ committed: sum(3), ends: sum(4), lag: sum(5) }).toEqual({ committed: 200, ends: 200, lag: 0 })
  })
}

const title =
  programs.kind === 'ready' ? `Apache Kafka ${programs.kafka.version}'s tools` : `tools (${programs.reason})`
describe(title, () => {
  beforeEach((context) => {
    if (programs.kind === 'missing') context.skip(programs.reason)
  })
  topicTools()
  consoleTools()
  loadTools()
})
