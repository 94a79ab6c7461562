/**
 * Conversations about transactions, each step with the answer that Apache Kafka 4.3.1 gave to the very same request. A
 * step is written as [request, Kafka's answer]; producer ids are told as how many the conversation had seen before.
 */
import { expect, test } from 'vitest'
import { BrokerStage } from '../broker-stage.test-kit.ts'
import type { TestClient } from '../test-kit.ts'
import { encodeBatch } from '../wire/batch-writer.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import { API } from '../wire/schemas/apis.gen.ts'

const MINUTE = 60_000

interface Who {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

type Step = readonly [what: string, ask: () => Promise<string>, answer: string]

const nameByCode = new Map(Object.entries(KAFKA_ERRORS).map(([name, { code }]) => [code, name]))
const name = (code: number): string => nameByCode.get(code) ?? String(code)

class Conversation {
  readonly client: TestClient
  readonly #seenIds: number[] = []

  static async begin(): Promise<Conversation> {
    const stage = await BrokerStage.open()
    await stage.topic('t', 3)
    return new Conversation(stage.connect())
  }

  constructor(client: TestClient) {
    this.client = client
  }

  async follow(steps: readonly Step[]): Promise<void> {
    for (const [what, ask, answer] of steps) expect([what, await ask()]).toEqual([what, answer])
  }

  #told({ errorCode, producerId, producerEpoch }: { errorCode: number; producerId: number; producerEpoch: number }) {
    if (errorCode !== 0) return `${name(errorCode)} ${producerId}/${producerEpoch}`
    if (!this.#seenIds.includes(producerId)) this.#seenIds.push(producerId)
    return `NONE P${this.#seenIds.indexOf(producerId)}/${producerEpoch}`
  }

  async open(transactionalId: string): Promise<Who> {
    const request = { transactionalId, transactionTimeoutMs: MINUTE }
    const { producerId, producerEpoch } = await this.client.ask(API.InitProducerId, 4, request)
    return { transactionalId, producerId, producerEpoch }
  }

  init =
    (transactionalId: string | null, given: object = {}, version = 4) =>
    async (): Promise<string> => {
      const request = { transactionalId, transactionTimeoutMs: MINUTE, ...given }
      return this.#told(await this.client.ask(API.InitProducerId, version, request))
    }

  add =
    (who: Who, { partitions = [0], topic = 't', version = 3 } = {}) =>
    async (): Promise<string> => {
      const answer = await this.client.ask(API.AddPartitionsToTxn, version, {
        v3AndBelowTransactionalId: who.transactionalId,
        v3AndBelowProducerId: who.producerId,
        v3AndBelowProducerEpoch: who.producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      })
      const results = answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) => resultsByPartition)
      return results.map(({ partitionErrorCode }) => name(partitionErrorCode)).join()
    }

  addGroup = (who: Who) => async (): Promise<string> =>
    name((await this.client.ask(API.AddOffsetsToTxn, 3, { ...who, groupId: 'g' })).errorCode)

  commitOffset =
    (who: Who, version = 3, given: object = {}, topic = 't') =>
    async (): Promise<string> => {
      const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }]
      const request = { ...who, groupId: 'g', topics: [{ name: topic, partitions }], ...given }
      const { topics } = await this.client.ask(API.TxnOffsetCommit, version, request)
      return name(topics[0]!.partitions[0]!.errorCode)
    }

  end =
    (who: Who, committed: boolean, version = 3) =>
    async (): Promise<string> => {
      const answer = await this.client.ask(API.EndTxn, version, { ...who, committed })
      return version >= 5 ? this.#told(answer) : name(answer.errorCode)
    }

  produce =
    (who: Who, baseSequence: number, { index = 0, version = 11, isTransactional = true } = {}) =>
    async (): Promise<string> => {
      const value = { timestampMs: 1_700_000_000_000, key: null, value: Buffer.from('x'), headers: [] }
      const { producerId, producerEpoch, transactionalId } = who
      const records = encodeBatch([value], { producerId, producerEpoch, baseSequence, isTransactional })
      const { responses } = await this.client.ask(API.Produce, version, {
        transactionalId: isTransactional ? transactionalId : null,
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: 't', partitionData: [{ index, records }] }],
      })
      return name(responses[0]!.partitionResponses[0]!.errorCode)
    }

  state = (transactionalId: string) => async (): Promise<string> => {
    const answer = await this.client.ask(API.DescribeTransactions, 0, { transactionalIds: [transactionalId] })
    const { errorCode, transactionState, producerEpoch } = answer.transactionStates[0]!
    return `${name(errorCode)} ${transactionState}/${producerEpoch}`
  }
}

test('as Kafka: opening', async () => {
  const talk = await Conversation.begin()
  const { init } = talk
  await talk.follow([
    ['fresh', init('a'), 'NONE P0/0'],
    ['again', init('a'), 'NONE P0/1'],
    ['no transactional id', init(null), 'NONE P1/0'],
    ['an empty one', init(''), 'INVALID_REQUEST -1/-1'],
    ['no time', init('z', { transactionTimeoutMs: 0 }), 'INVALID_TRANSACTION_TIMEOUT -1/-1'],
    ['much time', init('z', { transactionTimeoutMs: 900_001 }), 'INVALID_TRANSACTION_TIMEOUT -1/-1'],
    ['no time where it does not matter', init(null, { transactionTimeoutMs: -1 }), 'NONE P2/0'],
    ['a producer id without an epoch', init('z', { producerId: 5 }), 'INVALID_REQUEST -1/-1'],
    ['an epoch without a producer id', init('z', { producerEpoch: 5 }), 'INVALID_REQUEST -1/-1'],
    ['an identity nobody knows', init('zz', { producerId: 99_999, producerEpoch: 5 }), 'NONE P3/0'],
  ])
  const { producerId } = await talk.open('b')
  const first = { producerId, producerEpoch: 0 }
  await talk.follow([
    ['who goes on', init('b', first), 'NONE P4/1'],
    ['repeated', init('b', first), 'NONE P4/1'],
    ['another producer id', init('b', { ...first, producerId: 424_242 }), 'PRODUCER_FENCED -1/-1'],
    ['another, older version', init('b', { ...first, producerId: 424_242 }, 3), 'INVALID_PRODUCER_EPOCH -1/-1'],
    ['somebody else', init('b'), 'NONE P4/2'],
    ['stale', init('b', first), 'PRODUCER_FENCED -1/-1'],
  ])
})

test('as Kafka: nothing begun, nobody known', async () => {
  const talk = await Conversation.begin()
  const who = await talk.open('c')
  const unknown = { transactionalId: 'nope', producerId: 1, producerEpoch: 0 }
  const nameless = { ...unknown, transactionalId: '' }
  await talk.follow([
    ['commit', talk.end(who, true), 'INVALID_TXN_STATE'],
    ['abort', talk.end(who, false), 'INVALID_TXN_STATE'],
    ['commit, renewing', talk.end(who, true, 5), 'INVALID_TXN_STATE -1/-1'],
    ['state', talk.state('c'), 'NONE Empty/0'],
    ['state of nobody', talk.state('nope'), 'TRANSACTIONAL_ID_NOT_FOUND /0'],
    ['state of no name', talk.state(''), 'INVALID_REQUEST /0'],
    ['unknown: group', talk.addGroup(unknown), 'INVALID_PRODUCER_ID_MAPPING'],
    ['unknown: partition', talk.add(unknown), 'INVALID_PRODUCER_ID_MAPPING'],
    ['unknown: end', talk.end(unknown, true), 'INVALID_PRODUCER_ID_MAPPING'],
    ['no name: group', talk.addGroup(nameless), 'INVALID_REQUEST'],
    ['no name: partition', talk.add(nameless), 'INVALID_REQUEST'],
    ['no name: end', talk.end(nameless, true), 'INVALID_REQUEST'],
    ['produce, not added', talk.produce(who, 0, { version: 9 }), 'INVALID_TXN_STATE'],
    ['produce, not added, newer', talk.produce(who, 0), 'TRANSACTION_ABORTABLE'],
    ['offsets, not added', talk.commitOffset(who), 'INVALID_TXN_STATE'],
    ['offsets, not added, newer', talk.commitOffset(who, 4), 'TRANSACTION_ABORTABLE'],
    [
      'a missing partition',
      talk.add(who, { partitions: [0, 7] }),
      'OPERATION_NOT_ATTEMPTED,UNKNOWN_TOPIC_OR_PARTITION',
    ],
    ['a missing topic', talk.add(who, { topic: 'nope' }), 'UNKNOWN_TOPIC_OR_PARTITION'],
  ])
})

test('as Kafka: one transaction from begin to end', async () => {
  const talk = await Conversation.begin()
  const who = await talk.open('c')
  await talk.follow([
    ['add', talk.add(who), 'NONE'],
    ['add again', talk.add(who), 'NONE'],
    ['state', talk.state('c'), 'NONE Ongoing/0'],
    ['produce', talk.produce(who, 0), 'NONE'],
    ['produce outside of it', talk.produce(who, 1, { isTransactional: false }), 'INVALID_TXN_STATE'],
    ['produce outside of it, elsewhere', talk.produce(who, 0, { isTransactional: false, index: 1 }), 'NONE'],
    ['produce the same', talk.produce(who, 0), 'NONE'],
    ['produce with a gap', talk.produce(who, 5), 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    ['add a group', talk.addGroup(who), 'NONE'],
    ['offsets', talk.commitOffset(who), 'NONE'],
    ['offsets, oldest', talk.commitOffset(who, 0), 'NONE'],
    ['offsets of no topic', talk.commitOffset(who, 3, {}, 'nope'), 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['offsets, only a generation', talk.commitOffset(who, 3, { generationId: 3 }), 'UNKNOWN_MEMBER_ID'],
    ['offsets of a member', talk.commitOffset(who, 3, { generationId: 3, memberId: 'm' }), 'UNKNOWN_MEMBER_ID'],
    ['offsets of no group', talk.commitOffset(who, 3, { groupId: '' }), 'INVALID_GROUP_ID'],
    ['commit', talk.end(who, true), 'NONE'],
    ['commit again', talk.end(who, true), 'NONE'],
    ['abort after it', talk.end(who, false), 'INVALID_TXN_STATE'],
    ['state', talk.state('c'), 'NONE CompleteCommit/0'],
    ['commit, renewing', talk.end(who, true, 5), 'INVALID_TXN_STATE -1/-1'],
    ['abort, renewing', talk.end(who, false, 5), 'NONE P0/1'],
    ['abort again, renewing', talk.end(who, false, 5), 'NONE P0/1'],
    ['commit on it, renewing', talk.end(who, true, 5), 'INVALID_TXN_STATE -1/-1'],
    ['add with the old epoch', talk.add(who), 'PRODUCER_FENCED'],
  ])
})

test('as Kafka: the wrong epoch, the wrong producer', async () => {
  const talk = await Conversation.begin()
  const who = await talk.open('c')
  const future = { ...who, producerEpoch: 1 }
  const stranger = { ...who, producerId: who.producerId + 100_000 }
  const epoch = 'INVALID_PRODUCER_EPOCH'
  const mapping = 'INVALID_PRODUCER_ID_MAPPING'
  await talk.follow([
    ['add', talk.add(who), 'NONE'],
    ['produce', talk.produce(who, 0), 'NONE'],
    ['future: produce', talk.produce(future, 0), epoch],
    ['future: produce, older', talk.produce(future, 0, { version: 9 }), epoch],
    ['future: produce, later', talk.produce(future, 3), epoch],
    ['future: add', talk.add(future), 'PRODUCER_FENCED'],
    ['future: add, older', talk.add(future, { version: 1 }), epoch],
    ['future: group', talk.addGroup(future), 'PRODUCER_FENCED'],
    ['future: offsets', talk.commitOffset(future), epoch],
    ['future: offsets, newer', talk.commitOffset(future, 4), epoch],
    ['future: end', talk.end(future, true), 'PRODUCER_FENCED'],
    ['future: end, older', talk.end(future, true, 1), epoch],
    ['future: end, renewing', talk.end(future, true, 5), 'PRODUCER_FENCED -1/-1'],
    ['stranger: add', talk.add(stranger), mapping],
    ['stranger: add, older', talk.add(stranger, { version: 1 }), mapping],
    ['stranger: group', talk.addGroup(stranger), mapping],
    ['stranger: offsets', talk.commitOffset(stranger), mapping],
    ['stranger: offsets, newer', talk.commitOffset(stranger, 4), mapping],
    ['stranger: end', talk.end(stranger, true), mapping],
    ['stranger: end, older', talk.end(stranger, true, 1), mapping],
    ['stranger: end, renewing', talk.end(stranger, true, 5), `${mapping} -1/-1`],
  ])
})

test('as Kafka: opened anew in the middle', async () => {
  const talk = await Conversation.begin()
  const zombie = await talk.open('d')
  const { producerId, producerEpoch } = await talk.open('e')
  const careful = { transactionalId: 'e', producerId, producerEpoch }
  await talk.follow([
    ['add', talk.add(zombie, { partitions: [0, 1] }), 'NONE,NONE'],
    ['produce', talk.produce(zombie, 0), 'NONE'],
    ['open', talk.init('d'), 'NONE P0/2'],
    ['zombie: produce', talk.produce(zombie, 1), 'INVALID_PRODUCER_EPOCH'],
    ['zombie: end', talk.end(zombie, true), 'PRODUCER_FENCED'],
    ['zombie: end, renewing', talk.end(zombie, true, 5), 'PRODUCER_FENCED -1/-1'],
    ['zombie: add', talk.add(zombie), 'PRODUCER_FENCED'],
    ['state', talk.state('d'), 'NONE Empty/2'],
    ['add', talk.add(careful), 'NONE'],
    ['produce', talk.produce(careful, 0), 'NONE'],
    ['open by the same', talk.init('e', { producerId, producerEpoch }), 'NONE P1/1'],
    ['state', talk.state('e'), 'NONE Empty/1'],
  ])
})

test('as Kafka: transactions of the second kind', async () => {
  const talk = await Conversation.begin()
  const first = await talk.open('f')
  const second = { ...first, producerEpoch: 1 }
  const version = 12
  await talk.follow([
    ['produce', talk.produce(first, 0, { version }), 'NONE'],
    ['state', talk.state('f'), 'NONE Ongoing/0'],
    ['offsets', talk.commitOffset(first, 5), 'NONE'],
    ['commit', talk.end(first, true, 5), 'NONE P0/1'],
    ['commit again', talk.end(first, true, 5), 'NONE P0/1'],
    ['late produce', talk.produce(first, 1, { version }), 'INVALID_PRODUCER_EPOCH'],
    ['late produce elsewhere', talk.produce(first, 0, { version, index: 1 }), 'INVALID_PRODUCER_EPOCH'],
    ['late offsets', talk.commitOffset(first, 5), 'INVALID_PRODUCER_EPOCH'],
    ['abort after commit', talk.end(first, false, 5), 'INVALID_TXN_STATE -1/-1'],
    ['produce, new epoch', talk.produce(second, 0, { version }), 'NONE'],
    ['commit of the one before', talk.end(first, true, 5), 'PRODUCER_FENCED -1/-1'],
    ['abort', talk.end(second, false, 5), 'NONE P0/2'],
    [
      'produce as a stranger',
      talk.produce({ ...first, producerId: 99_999 }, 0, { version }),
      'INVALID_PRODUCER_ID_MAPPING',
    ],
    [
      'produce for nobody',
      talk.produce({ ...first, transactionalId: 'nope' }, 0, { version }),
      'INVALID_PRODUCER_ID_MAPPING',
    ],
    ['produce in the future', talk.produce({ ...first, producerEpoch: 50 }, 0, { version }), 'INVALID_PRODUCER_EPOCH'],
  ])
})
