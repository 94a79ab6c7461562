import { expect, test } from 'vitest'
import { BrokerStage, batchOf, fetchFrom, produceTo } from '../broker-stage.test-kit.ts'
import { type TestClient, turns } from '../test-kit.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from '../wire/errors.ts'
import { API } from '../wire/schemas/apis.gen.ts'

const MINUTE = 60_000
const code = (name: KafkaErrorName): number => KAFKA_ERRORS[name].code

interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
}

async function init(client: TestClient, transactionalId: string | null, version = 4): Promise<Producer> {
  const answer = await client.ask(API.InitProducerId, version, { transactionalId, transactionTimeoutMs: MINUTE })
  expect(answer.errorCode).toBe(0)
  const { producerId, producerEpoch } = answer
  return { producerId, producerEpoch }
}

/** @returns the code of each partition */
async function addPartitions(
  client: TestClient,
  { producerId, producerEpoch }: Producer,
  topics: readonly { name: string; partitions: readonly number[] }[],
  version = 3,
): Promise<number[]> {
  const answer = await client.ask(API.AddPartitionsToTxn, version, {
    v3AndBelowTransactionalId: 'bank',
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: topics,
  })
  return answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
    resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
  )
}

function end(client: TestClient, { producerId, producerEpoch }: Producer, committed: boolean, version = 3) {
  return client.ask(API.EndTxn, version, { transactionalId: 'bank', producerId, producerEpoch, committed })
}

function addOffsets(client: TestClient, { producerId, producerEpoch }: Producer, version = 3) {
  const groupId = 'readers'
  return client.ask(API.AddOffsetsToTxn, version, { transactionalId: 'bank', producerId, producerEpoch, groupId })
}

async function commitOffset(
  client: TestClient,
  { producerId, producerEpoch }: Producer,
  { version = 3, groupId = 'readers', topic = 't', generationId = -1 } = {},
): Promise<number> {
  const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: 'm' }]
  const answer = await client.ask(API.TxnOffsetCommit, version, {
    transactionalId: 'bank',
    groupId,
    producerId,
    producerEpoch,
    ...(version >= 3 ? { generationId } : {}),
    topics: [{ name: topic, partitions }],
  })
  return answer.topics[0]!.partitions[0]!.errorCode
}

function batch(value: string, { producerId, producerEpoch }: Producer, baseSequence: number): Buffer {
  return batchOf([value], { producerId, producerEpoch, baseSequence, isTransactional: true })
}

async function open() {
  const stage = await BrokerStage.open()
  await stage.topic('t', 2)
  return { stage, client: stage.connect() }
}

test('transactions: every version of every API, from the first record to the committed reader', async () => {
  const { stage, client } = await open()
  let offset = 0
  for (let round = 0; round <= 5; round++) {
    const version = (max: number): number => Math.min(round, max)
    const producer = await init(client, 'bank', version(5))
    expect(await addPartitions(client, producer, [{ name: 't', partitions: [0, 1] }], version(3))).toEqual([0, 0])
    expect((await produceTo(client, 't', batch('a', producer, 0))).errorCode).toBe(0)
    expect((await addOffsets(client, producer, version(4))).errorCode).toBe(0)
    expect(await commitOffset(client, producer, { version: version(5) })).toBe(0)
    const open = await fetchFrom(client, 't', { isolationLevel: 1, fetchOffset: offset })
    expect(open).toMatchObject({ highWatermark: offset + 1, lastStableOffset: offset, abortedTransactions: [] })
    expect(open.records?.length).toBe(0)
    const ended = await end(client, producer, true, version(5))
    expect(ended.errorCode).toBe(0)
    // From version 5 on with a new epoch.
    if (round === 5) expect(ended).toMatchObject({ ...producer, producerEpoch: producer.producerEpoch + 1 })
    offset += 2
    expect(stage.session.streams.partition('t', 0)).toMatchObject({ highWatermark: offset, lastStableOffset: offset })
    const [committed] = stage.session.groups.fetchOffsets('readers', [{ stream: 't', partitions: [0] }])
    expect(committed!.partitions[0]).toMatchObject({ offset: 7, metadata: 'm', isUnstable: false })
  }
})

test('transactions: an aborted one is on the list that its reader gets', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  await addPartitions(client, producer, [{ name: 't', partitions: [0] }])
  await produceTo(client, 't', batch('a', producer, 0))
  await end(client, producer, false)
  const fetched = await fetchFrom(client, 't', { isolationLevel: 1 })
  expect(fetched.abortedTransactions).toEqual([{ producerId: producer.producerId, firstOffset: 0 }])
  expect(fetched.lastStableOffset).toBe(2)
})

test('transactions: InitProducerId without a transactional id gives a new id each time', async () => {
  const { client } = await open()
  const first = await init(client, null)
  expect(first.producerEpoch).toBe(0)
  expect((await init(client, null, 0)).producerId).not.toBe(first.producerId)
})

test('transactions: what InitProducerId refuses', async () => {
  const { client } = await open()
  const ask = (version: number, request: object) =>
    client.ask(API.InitProducerId, version, { transactionalId: 'bank', transactionTimeoutMs: MINUTE, ...request })
  const refused = (name: KafkaErrorName) => ({ errorCode: code(name), producerId: -1, producerEpoch: -1 })
  expect(await ask(4, { transactionalId: '' })).toMatchObject(refused('INVALID_REQUEST'))
  expect(await ask(4, { producerId: 5 })).toMatchObject(refused('INVALID_REQUEST'))
  expect(await ask(4, { producerEpoch: 5 })).toMatchObject(refused('INVALID_REQUEST'))
  expect(await ask(4, { transactionTimeoutMs: 15 * MINUTE + 1 })).toMatchObject(refused('INVALID_TRANSACTION_TIMEOUT'))
  expect(await ask(4, { transactionTimeoutMs: 0 })).toMatchObject(refused('INVALID_TRANSACTION_TIMEOUT'))
  const { producerId, producerEpoch } = await init(client, 'bank')
  await init(client, 'bank')
  expect(await ask(3, { producerId, producerEpoch })).toMatchObject(refused('INVALID_PRODUCER_EPOCH'))
  expect(await ask(4, { producerId, producerEpoch })).toMatchObject(refused('PRODUCER_FENCED'))
})

test('transactions: a fenced producer hears it by the code its version knows', async () => {
  const { client } = await open()
  const old = await init(client, 'bank')
  await init(client, 'bank')
  const add = (version: number) => addPartitions(client, old, [{ name: 't', partitions: [0] }], version)
  const [epoch, fenced] = [code('INVALID_PRODUCER_EPOCH'), code('PRODUCER_FENCED')]
  expect([await add(1), await add(2)]).toEqual([[epoch], [fenced]])
  expect([await addOffsets(client, old, 1), await addOffsets(client, old, 2)]).toMatchObject([
    { errorCode: epoch },
    { errorCode: fenced },
  ])
  expect([await end(client, old, true, 1), await end(client, old, true, 2)]).toMatchObject([
    { errorCode: epoch },
    { errorCode: fenced },
  ])
  for (const version of [0, 3, 4, 5]) expect(await commitOffset(client, old, { version })).toBe(epoch)
})

test('transactions: an unknown producer, and an end with nothing begun', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  const stranger = { ...producer, producerId: producer.producerId + 99 }
  expect(await addPartitions(client, stranger, [{ name: 't', partitions: [0] }])).toEqual([
    code('INVALID_PRODUCER_ID_MAPPING'),
  ])
  expect((await end(client, stranger, true)).errorCode).toBe(code('INVALID_PRODUCER_ID_MAPPING'))
  expect((await end(client, producer, true)).errorCode).toBe(code('INVALID_TXN_STATE'))
  expect((await end(client, producer, false, 5)).errorCode).toBe(0)
})

test('transactions: a partition that is not there keeps the others out', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  const topics = [
    { name: 't', partitions: [0, 9] },
    { name: 'nope', partitions: [0] },
  ]
  const [missing, others] = [code('UNKNOWN_TOPIC_OR_PARTITION'), code('OPERATION_NOT_ATTEMPTED')]
  expect(await addPartitions(client, producer, topics)).toEqual([others, missing, missing])
  expect((await produceTo(client, 't', batch('a', producer, 0))).errorCode).toBe(code('INVALID_TXN_STATE'))
})

test('transactions: brokers add and verify many at once', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  const one = (verifyOnly: boolean, partitions: number[], given = {}) => ({
    transactionalId: 'bank',
    producerId: producer.producerId,
    producerEpoch: producer.producerEpoch,
    verifyOnly,
    topics: [{ name: 't', partitions }],
    ...given,
  })
  const ask = async (version: number, ...transactions: ReturnType<typeof one>[]) => {
    const answer = await client.ask(API.AddPartitionsToTxn, version, { transactions })
    expect(answer.errorCode).toBe(0)
    return answer.resultsByTransaction.map(({ topicResults }) =>
      topicResults[0]!.resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
    )
  }
  expect(await ask(5, one(false, [0]), one(false, [0], { transactionalId: 'x' }))).toEqual([
    [0],
    [code('INVALID_PRODUCER_ID_MAPPING')],
  ])
  expect(await ask(5, one(true, [0, 1]))).toEqual([[0, code('TRANSACTION_ABORTABLE')]])
  expect(await ask(4, one(true, [0, 1]))).toEqual([[0, code('INVALID_TXN_STATE')]])
  expect(await ask(4, one(true, [0], { producerEpoch: 7 }))).toEqual([[code('PRODUCER_FENCED')]])
})

test('transactions: what TxnOffsetCommit refuses', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  expect(await commitOffset(client, producer, { version: 3 })).toBe(code('INVALID_TXN_STATE'))
  expect(await commitOffset(client, producer, { version: 4 })).toBe(code('TRANSACTION_ABORTABLE'))
  expect(await commitOffset(client, producer, { version: 5 })).toBe(0)
  expect(await commitOffset(client, producer, { groupId: '' })).toBe(code('INVALID_GROUP_ID'))
  expect(await commitOffset(client, producer, { topic: 'nope' })).toBe(code('UNKNOWN_TOPIC_OR_PARTITION'))
  expect(await commitOffset(client, producer, { generationId: 3 })).toBe(code('UNKNOWN_MEMBER_ID'))
  expect(await commitOffset(client, producer, { version: 5, groupId: 'new', generationId: 3 })).toBe(
    code('ILLEGAL_GENERATION'),
  )
  expect(await commitOffset(client, { ...producer, producerId: 99 })).toBe(code('INVALID_PRODUCER_ID_MAPPING'))
})

test('transactions: describing and listing', async () => {
  const { stage, client } = await open()
  const producer = await init(client, 'bank')
  await init(client, 'shop')
  await addPartitions(client, producer, [{ name: 't', partitions: [0, 1] }])
  await produceTo(client, 't', batch('a', producer, 0))
  const startedMs = stage.clock.nowMs()
  stage.clock.advance(5000)
  const described = await client.ask(API.DescribeTransactions, 0, { transactionalIds: ['bank', 'nope', ''] })
  expect(described.transactionStates).toMatchObject([
    {
      errorCode: 0,
      transactionalId: 'bank',
      transactionState: 'Ongoing',
      transactionTimeoutMs: MINUTE,
      transactionStartTimeMs: startedMs,
      producerId: producer.producerId,
      producerEpoch: 0,
      topics: [{ topic: 't', partitions: [0, 1] }],
    },
    { errorCode: code('TRANSACTIONAL_ID_NOT_FOUND'), transactionalId: 'nope' },
    { errorCode: code('INVALID_REQUEST'), transactionalId: '' },
  ])
  const list = async (version: number, request: object) => {
    const answer = await client.ask(API.ListTransactions, version, request)
    expect(answer.errorCode).toBe(0)
    const ids = answer.transactionStates.map(({ transactionalId }) => transactionalId)
    return [ids.sort(), answer.unknownStateFilters]
  }
  expect(await list(0, {})).toEqual([['bank', 'shop'], []])
  expect(await list(0, { stateFilters: ['Ongoing', 'Dead', 'Odd'] })).toEqual([['bank'], ['Odd']])
  expect(await list(0, { producerIdFilters: [producer.producerId] })).toEqual([['bank'], []])
  expect(await list(1, { durationFilter: 4999 })).toEqual([['bank'], []])
  expect(await list(1, { durationFilter: 5000 })).toEqual([[], []])
  expect(await list(2, { transactionalIdPattern: 'b.*k' })).toEqual([['bank'], []])
  expect(await list(2, { transactionalIdPattern: 'ban' })).toEqual([[], []])
  expect(await list(2, { transactionalIdPattern: '' })).toEqual([['bank', 'shop'], []])
  const invalid = await client.ask(API.ListTransactions, 2, { transactionalIdPattern: '(' })
  expect(invalid).toMatchObject({ errorCode: code('INVALID_REGULAR_EXPRESSION'), transactionStates: [] })
})

test('transactions: the producers of a partition', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  await addPartitions(client, producer, [{ name: 't', partitions: [0] }])
  await produceTo(client, 't', batch('a', producer, 0))
  const topics = [{ name: 't', partitionIndexes: [0, 1, 2] }]
  const { topics: described } = await client.ask(API.DescribeProducers, 0, { topics })
  expect(described[0]!.partitions).toMatchObject([
    {
      errorCode: 0,
      activeProducers: [
        { producerId: producer.producerId, producerEpoch: 0, lastSequence: 0, currentTxnStartOffset: 0 },
      ],
    },
    { errorCode: 0, activeProducers: [] },
    { errorCode: code('UNKNOWN_TOPIC_OR_PARTITION'), activeProducers: [] },
  ])
})

/** In version 12, which adds partitions by itself. @returns the code of each partition */
async function produceAdding(
  client: TestClient,
  batches: readonly Buffer[],
  transactionalId = 'bank',
): Promise<number[]> {
  const correlationId = sendAdding(client, batches, transactionalId)
  return receiveCodes(client, correlationId)
}

function sendAdding(client: TestClient, batches: readonly Buffer[], transactionalId = 'bank'): number {
  const partitionData = batches.map((records, index) => ({ index, records }))
  const topicData = [{ name: 't', partitionData }]
  return client.send(API.Produce, 12, { transactionalId, acks: -1, timeoutMs: 1000, topicData })
}

async function receiveCodes(client: TestClient, correlationId: number): Promise<number[]> {
  const { responses } = await client.receive(API.Produce, 12, correlationId)
  return responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)
}

test('transactions: from Produce 12 on a batch adds its partition, and what was sent behind it stays behind it', async () => {
  const { stage, client } = await open()
  const producer = await init(client, 'bank')
  const sent = [
    sendAdding(client, [batch('a', producer, 0)]),
    sendAdding(client, [batch('b', producer, 1), batch('c', producer, 0)]),
    sendAdding(client, [batch('d', producer, 2)]),
  ]
  const codes: number[][] = []
  for (const correlationId of sent) codes.push(await receiveCodes(client, correlationId))
  expect(codes).toEqual([[0], [0, 0], [0]])
  expect(stage.session.transactions.describe('bank')).toMatchObject({
    state: 'ongoing',
    partitions: [{ stream: 't', partitions: [0, 1] }],
  })
  expect(await produceAdding(client, [batch('e', producer, 3)])).toEqual([0])
  const ended = await end(client, producer, true, 5)
  expect(ended).toMatchObject({ errorCode: 0, producerEpoch: 1 })
  // What comes late with the old epoch is kept out of the next transaction.
  expect(await produceAdding(client, [batch('late', producer, 4)])).toEqual([code('INVALID_PRODUCER_EPOCH')])
  expect(await produceAdding(client, [batch('f', ended, 0)])).toEqual([0])
  expect((await end(client, ended, false, 5)).errorCode).toBe(0)
  expect(stage.session.streams.partition('t', 0)!.aborted(0, 99)).toMatchObject([
    { producerId: producer.producerId, firstOffset: 5 },
  ])
})

test('transactions: what adding by Produce refuses, and nothing of the request is appended then', async () => {
  const { stage, client } = await open()
  const producer = await init(client, 'bank')
  const stranger = { ...producer, producerId: 99 }
  const future = { ...producer, producerEpoch: 7 }
  const unknown = code('INVALID_PRODUCER_ID_MAPPING')
  expect(await produceAdding(client, [batch('a', stranger, 0), batch('a', producer, 0)])).toEqual([unknown, unknown])
  expect(await produceAdding(client, [batch('a', producer, 0)], 'shop')).toEqual([unknown])
  expect(await produceAdding(client, [batch('a', future, 0)])).toEqual([code('INVALID_PRODUCER_EPOCH')])
  const damaged = batch('a', producer, 0)
  damaged.writeUInt8(damaged[damaged.length - 1]! ^ 1, damaged.length - 1)
  expect(await produceAdding(client, [damaged])).toEqual([code('CORRUPT_MESSAGE')])
  expect(stage.session.transactions.describe('bank')?.state).toBe('empty')
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(0)
})

test('transactions: a request that waits and then fails does not stop those behind it', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  const failing = sendAdding(client, [batch('a', { ...producer, producerId: 99 }, 0)])
  const next = sendAdding(client, [batch('a', producer, 0)])
  expect(await receiveCodes(client, failing)).toEqual([code('INVALID_PRODUCER_ID_MAPPING')])
  expect(await receiveCodes(client, next)).toEqual([0])
  await turns()
  expect(await produceAdding(client, [batch('b', producer, 1)])).toEqual([0])
})

test('transactions: a batch outside of the open transaction of its producer is refused in every version', async () => {
  const { client } = await open()
  const producer = await init(client, 'bank')
  await addPartitions(client, producer, [{ name: 't', partitions: [0] }])
  const plain = batchOf(['a'], { ...producer, baseSequence: 0 })
  for (const version of [10, 11, 12]) {
    expect((await produceTo(client, 't', plain, { version })).errorCode).toBe(code('INVALID_TXN_STATE'))
  }
  expect((await produceTo(client, 't', batch('a', producer, 0), { version: 11, partition: 1 })).errorCode).toBe(
    code('TRANSACTION_ABORTABLE'),
  )
})

test('transactions: clients are told of the second kind, where they can read it', async () => {
  const { client } = await open()
  const ask = (version: number) =>
    client.ask(API.ApiVersions, version, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  const finalizedFeatures = [{ name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 }]
  const supported = { name: 'transaction.version', minVersion: 0, maxVersion: 2 }
  expect(await ask(3)).toMatchObject({ supportedFeatures: [], finalizedFeaturesEpoch: 0, finalizedFeatures })
  expect(await ask(4)).toMatchObject({ supportedFeatures: [supported], finalizedFeaturesEpoch: 0, finalizedFeatures })
})
