import { expect, test } from 'vitest'
import { BrokerStage, batchOf, NO_ID, produceTo } from '../broker-stage.test-kit.ts'
import { API } from '../wire/schemas/apis.gen.ts'

test('metadata: every version names the one broker and the topics asked for', async () => {
  const stage = await BrokerStage.open()
  const id = await stage.topic('t', 2)
  const client = stage.connect()
  for (let version = 0; version <= 13; version++) {
    const topics = [version >= 12 ? { topicId: id, name: null } : { name: 't' }]
    const response = await client.ask(API.Metadata, version, { topics })
    expect(response.brokers).toEqual([{ nodeId: 1, host: '127.0.0.1', port: 9092, rack: null }])
    expect(response.topics).toMatchObject([{ errorCode: 0, name: 't', isInternal: false }])
    expect(response.topics[0]!.partitions.map(({ partitionIndex, leaderId }) => [partitionIndex, leaderId])).toEqual([
      [0, 1],
      [1, 1],
    ])
    if (version >= 2) expect(response.clusterId).toBe('busbar')
    if (version >= 10) expect(response.topics[0]!.topicId).toEqual(id)
  }
})

test('metadata: all topics, none, and what version 0 means by an empty list', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('a')
  await stage.topic('b')
  const client = stage.connect()
  const names = async (version: number, topics: null | []): Promise<(string | null)[]> =>
    (await client.ask(API.Metadata, version, { topics })).topics.map(({ name }) => name).sort()
  expect(await names(0, [])).toEqual(['a', 'b'])
  expect(await names(1, [])).toEqual([])
  expect(await names(1, null)).toEqual(['a', 'b'])
  expect(await names(12, null)).toEqual(['a', 'b'])
})

test('metadata: a topic is made on first use, unless the client, the name or the operator is against it', async () => {
  const stage = await BrokerStage.open({ settings: { partitionCountDefault: 3 } })
  const client = stage.connect()
  const ask = async (name: string, version = 9, allowAutoTopicCreation = true): Promise<number[]> => {
    const { topics } = await client.ask(API.Metadata, version, {
      topics: [{ name }],
      ...(version >= 4 ? { allowAutoTopicCreation } : {}),
    })
    return [topics[0]!.errorCode, topics[0]!.partitions.length]
  }
  expect(await ask('made.once')).toEqual([0, 3])
  expect(await ask('made.once')).toEqual([0, 3])
  expect(await ask('old', 1)).toEqual([0, 3])
  expect(await ask('not-asked', 9, false)).toEqual([3, 0])
  expect(await ask('bad name')).toEqual([17, 0])
  expect(await ask('..')).toEqual([17, 0])
  expect(await ask('x'.repeat(250))).toEqual([17, 0])
  expect(await ask('made_once')).toEqual([17, 0])
  const strict = await BrokerStage.open({ settings: { autoCreateTopics: false } })
  const { topics } = await strict.connect().ask(API.Metadata, 1, { topics: [{ name: 't' }] })
  expect(topics[0]!.errorCode).toBe(3)
})

test('metadata: an id nobody has, and a queue that has the name', async () => {
  const stage = await BrokerStage.open()
  const client = stage.connect()
  const byId = await client.ask(API.Metadata, 12, { topics: [{ topicId: Buffer.alloc(16, 5), name: null }] })
  expect(byId.topics[0]).toMatchObject({ errorCode: 100, name: null, topicId: Buffer.alloc(16, 5) })
  await stage.session.declareQueue({
    name: 'q',
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: new Map(),
  })
  const byName = await client.ask(API.Metadata, 9, { topics: [{ name: 'q' }] })
  expect(byName.topics[0]).toMatchObject({ errorCode: 17, name: 'q' })
})

test('metadata: operations are told to those who ask', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const silent = await client.ask(API.Metadata, 8, { topics: null })
  expect([silent.clusterAuthorizedOperations, silent.topics[0]!.topicAuthorizedOperations]).toEqual([
    -(2 ** 31),
    -(2 ** 31),
  ])
  const told = await client.ask(API.Metadata, 8, {
    topics: null,
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true,
  })
  expect([told.clusterAuthorizedOperations, told.topics[0]!.topicAuthorizedOperations]).toEqual([8096, 3576])
})

test('create topics: every version makes a topic, and newer ones tell what it is', async () => {
  const stage = await BrokerStage.open()
  const client = stage.connect()
  for (let version = 2; version <= 7; version++) {
    const name = `t${version}`
    const { topics } = await client.ask(API.CreateTopics, version, {
      topics: [{ name, numPartitions: 2, replicationFactor: 3, configs: [{ name: 'retention.ms', value: '1000' }] }],
      timeoutMs: 1000,
    })
    expect(topics).toMatchObject([{ name, errorCode: 0, errorMessage: null }])
    const stream = stage.session.streams.find(name)!
    expect([stream.partitionCount, stream.configs]).toEqual([2, new Map([['retention.ms', '1000']])])
    if (version < 5) continue
    expect(topics[0]).toMatchObject({ numPartitions: 2, replicationFactor: 3 })
    expect(topics[0]!.configs).toContainEqual({
      name: 'retention.ms',
      value: '1000',
      readOnly: false,
      configSource: 1,
      isSensitive: false,
    })
    if (version >= 7) expect(topics[0]!.topicId).toEqual(stream.id)
  }
})

test('create topics: defaults, validation only, and everything that can be wrong', async () => {
  const stage = await BrokerStage.open({ settings: { partitionCountDefault: 4 } })
  await stage.topic('exists')
  await stage.topic('with.dot')
  const client = stage.connect()
  const base = { name: 'n', numPartitions: -1, replicationFactor: -1 }
  const create = async (topic: object, validateOnly = false): Promise<number> => {
    const topics = [{ ...base, ...topic }]
    const response = await client.ask(API.CreateTopics, 7, { topics, timeoutMs: 1, validateOnly })
    return response.topics[0]!.errorCode
  }
  expect(await create({}, true)).toBe(0)
  expect(stage.session.streams.find('n')).toBeUndefined()
  expect(await create({})).toBe(0)
  expect(stage.session.streams.find('n')!.partitionCount).toBe(4)
  expect(await create({ name: 'exists' })).toBe(36)
  expect(await create({ name: 'exists' }, true)).toBe(36)
  expect(await create({ name: 'with_dot' })).toBe(17)
  expect(await create({ name: '' })).toBe(17)
  expect(await create({ name: 'p', numPartitions: 0 })).toBe(37)
  expect(await create({ name: 'p', numPartitions: 1_000_000 })).toBe(37)
  expect(await create({ name: 'p', replicationFactor: 0 })).toBe(38)
  expect(await create({ name: 'p', configs: [{ name: 'no.such', value: '1' }] })).toBe(40)
  expect(await create({ name: 'p', configs: [{ name: 'retention.ms', value: 'x' }] })).toBe(40)
  expect(await create({ name: 'p', configs: [{ name: 'retention.ms', value: null }] })).toBe(40)
  const assignments = [
    { partitionIndex: 1, brokerIds: [1] },
    { partitionIndex: 0, brokerIds: [1] },
  ]
  expect(await create({ name: 'p', assignments, numPartitions: 2 })).toBe(42)
  expect(await create({ name: 'p', assignments: [{ partitionIndex: 1, brokerIds: [1] }] })).toBe(39)
  expect(await create({ name: 'p', assignments: [{ partitionIndex: 0, brokerIds: [2] }] })).toBe(39)
  expect(await create({ name: 'p', assignments })).toBe(0)
  expect(stage.session.streams.find('p')!.partitionCount).toBe(2)
  const twice = await client.ask(API.CreateTopics, 7, {
    topics: [
      { ...base, name: 'x' },
      { ...base, name: 'x' },
    ],
  })
  expect(twice.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([['x', 42]])
})

test('delete topics: by name, by id, and what is not there', async () => {
  const stage = await BrokerStage.open()
  const client = stage.connect()
  for (let version = 1; version <= 5; version++) {
    await stage.topic('t')
    const { responses } = await client.ask(API.DeleteTopics, version, { topicNames: ['t', 'nope'], timeoutMs: 1 })
    expect(responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['t', 0],
      ['nope', 3],
    ])
  }
  const first = await stage.topic('t')
  const topics = [
    { name: null, topicId: first },
    { name: null, topicId: first },
    { name: 't', topicId: first },
    { name: 't', topicId: NO_ID },
  ]
  const { responses } = await client.ask(API.DeleteTopics, 6, { topics, timeoutMs: 1 })
  expect(responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ['t', 0],
    [null, 100],
    ['t', 42],
    ['t', 3],
  ])
  expect(await stage.topic('t')).not.toEqual(first)
})

interface Grown {
  readonly name?: string
  readonly count: number
  readonly assignments?: { brokerIds: number[] }[]
}

test('create partitions: only more of them', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 2)
  const client = stage.connect()
  const grow = async (version: number, topic: Grown, validateOnly = false): Promise<number> => {
    const topics = [{ name: 't', assignments: null, ...topic }]
    return (await client.ask(API.CreatePartitions, version, { topics, validateOnly })).results[0]!.errorCode
  }
  expect(await grow(0, { count: 3 }, true)).toBe(0)
  expect(stage.session.streams.find('t')!.partitionCount).toBe(2)
  for (let version = 0; version <= 3; version++) expect(await grow(version, { count: 3 + version })).toBe(0)
  expect(stage.session.streams.find('t')!.partitionCount).toBe(6)
  expect(await grow(3, { count: 6 })).toBe(37)
  expect(await grow(3, { count: 5 })).toBe(37)
  expect(await grow(3, { count: 10_000_000 })).toBe(37)
  expect(await grow(3, { name: 'nope', count: 3 })).toBe(3)
  expect(await grow(3, { count: 7, assignments: [{ brokerIds: [2] }] })).toBe(39)
  expect(await grow(3, { count: 7, assignments: [{ brokerIds: [1] }] })).toBe(0)
  await produceTo(client, 't', batchOf(['a']), { partition: 6 })
  expect(stage.session.streams.partition('t', 6)!.highWatermark).toBe(1)
})

test('describe cluster and topic partitions: the same broker, pages of partitions in order', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('b', 3)
  await stage.topic('a', 2)
  const client = stage.connect()
  for (let version = 0; version <= 2; version++) {
    const cluster = await client.ask(API.DescribeCluster, version, {})
    expect(cluster).toMatchObject({ errorCode: 0, clusterId: 'busbar', controllerId: 1 })
    expect(cluster.brokers).toMatchObject([{ brokerId: 1, host: '127.0.0.1', port: 9092 }])
  }
  expect((await client.ask(API.DescribeCluster, 1, { endpointType: 2 })).errorCode).toBe(114)
  const pages: [string | null, number[]][] = []
  let cursor: { topicName: string; partitionIndex: number } | null = null
  do {
    const page = await client.ask(API.DescribeTopicPartitions, 0, { topics: [], responsePartitionLimit: 2, cursor })
    for (const topic of page.topics) pages.push([topic.name, topic.partitions.map((one) => one.partitionIndex)])
    cursor = page.nextCursor as typeof cursor
  } while (cursor !== null)
  expect(pages).toEqual([
    ['a', [0, 1]],
    ['b', [0, 1]],
    ['b', [2]],
  ])
  const missing = await client.ask(API.DescribeTopicPartitions, 0, { topics: [{ name: 'c' }, { name: ' ' }] })
  expect(missing.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    [' ', 17],
    ['c', 3],
  ])
})
