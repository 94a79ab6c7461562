/**
 * What applications do with @platformatic/kafka: one scenario a run, named by the first argument, which prints what came
 * of it as one line of JSON. kafka-clients.test.ts says what should.
 */
import { randomUUID } from 'node:crypto'
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'

const base = { clientId: 'scenario', bootstrapBrokers: [process.env.KAFKA] }
const FIRST_MS = 1_700_000_000_000
const PATIENCE_MS = 15_000

const own = (name) => `${name}.${randomUUID()}`
const numbers = (count) => Array.from({ length: count }, (_, index) => index)

async function using(client, work) {
  try {
    return await work(client)
  } finally {
    await client.close(...(client instanceof Admin ? [] : [true]))
  }
}

const withAdmin = (work) => using(new Admin(base), work)
const withProducer = (options, work) =>
  using(new Producer({ ...base, serializers: stringSerializers, ...options }), work)

const make = (topic, partitions = 1) =>
  withAdmin((admin) => admin.createTopics({ topics: [topic], partitions, replicas: 1 }))

/** Fewer, should they not come. `onMessages` may commit before the consumer leaves. */
function read(topic, count, options = {}, onMessages = async () => {}) {
  const { group = own('reader'), ...settings } = options
  const consumer = new Consumer({ ...base, groupId: group, deserializers: stringDeserializers, maxWaitTime: 300 })
  return using(consumer, async () => {
    const mode = group === options.group ? 'committed' : 'earliest'
    const stream = await consumer.consume({
      topics: [topic],
      mode,
      fallbackMode: 'earliest',
      autocommit: false,
      ...settings,
    })
    const timer = setTimeout(() => stream.destroy(), PATIENCE_MS)
    const found = []
    for await (const record of stream) {
      found.push(record)
      if (found.length === count) break
    }
    clearTimeout(timer)
    await onMessages(consumer, found)
    return found
  })
}

async function codeOf(action) {
  try {
    await action()
    return 0
  } catch (error) {
    const codes = []
    for (const each of errorsIn(error)) if (each.apiCode > 0) codes.push(each.apiCode)
    if (codes.length === 0) throw error
    return codes[0]
  }
}

function errorsIn(error) {
  return [error, ...(error.errors ?? []).flatMap(errorsIn), ...(error.cause ? errorsIn(error.cause) : [])]
}

const texts = (found) => found.map(({ value }) => value)
const isAscending = (values) => values.every((value, index) => index === 0 || value > values[index - 1])

async function records() {
  const topic = own('records')
  await make(topic, 3)
  const messages = numbers(12).map((number) => ({
    topic,
    key: `k${number % 4}`,
    value: number === 11 ? undefined : `v${number}`,
    headers: new Map([
      ['number', String(number)],
      ['empty', ''],
    ]),
    timestamp: BigInt(FIRST_MS + number),
  }))
  await withProducer({}, (producer) => producer.send({ acks: -1, messages }))
  const found = await read(topic, 12)
  const numberOf = ({ headers }) => Number(headers.get('number'))
  const keys = [...new Set(found.map(({ key }) => key))]
  const places = keys.map((key) => found.filter((record) => record.key === key))
  return {
    read: found.length,
    together: places.every((place) => new Set(place.map(({ partition }) => partition)).size === 1),
    inOrder: places.every((place) => isAscending(place.map(numberOf))),
    headers: found.every(({ headers }) => [...headers.keys()].join() === 'number,empty'),
    emptyHeader: found.every(({ headers }) => headers.get('empty') === ''),
    tombstones: found.filter(({ value }) => value === undefined || value === null).map(numberOf),
    timestamps: found.every((record) => Number(record.timestamp) === FIRST_MS + numberOf(record)),
  }
}

async function compression() {
  const outcome = {}
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    // The client takes it from Node, whose older lines have none.
    if (codec === 'zstd' && (await import('node:zlib')).zstdCompressSync === undefined) continue
    const topic = own('compression')
    await make(topic)
    const sent = numbers(200).map((number) => `${codec} ${number} ${'copper '.repeat(20)}`)
    const messages = sent.map((value) => ({ topic, value }))
    await withProducer({}, (producer) => producer.send({ compression: codec, messages }))
    outcome[codec] = texts(await read(topic, 200)).join() === sent.join()
  }
  return outcome
}

async function acks() {
  const topic = own('acks')
  await make(topic)
  for (const level of [0, 1, -1]) {
    const messages = numbers(10).map((number) => ({ topic, value: `${level} ${number}` }))
    await withProducer({}, (producer) => producer.send({ acks: level, messages }))
  }
  return { read: (await read(topic, 30)).length }
}

async function limits() {
  const topic = own('limits')
  await make(topic)
  const tooLarge = await withProducer({ retries: 0 }, (producer) =>
    codeOf(() => producer.send({ messages: [{ topic, value: 'x'.repeat(2_000_000) }] })),
  )
  await fill(topic, 1)
  return { tooLarge, afterwards: texts(await read(topic, 1))[0] }
}

async function auto_creation() {
  const topic = own('nobody-made-this')
  await withProducer({ autocreateTopics: true }, (producer) => producer.send({ messages: [{ topic, value: 'first' }] }))
  return { read: texts(await read(topic, 1)) }
}

const fill = (topic, count) =>
  withProducer({}, (producer) => {
    const messages = numbers(count).map((number) => ({
      topic,
      value: `v${number}`,
      partition: 0,
      timestamp: BigInt(FIRST_MS + 1000 * number),
    }))
    return producer.send({ messages })
  })

async function offsets() {
  const [topic, group] = [own('offsets'), own('readers')]
  await make(topic)
  await fill(topic, 10)
  const commit = { topic, partition: 0, offset: 4n, leaderEpoch: 0 }
  const first = texts(await read(topic, 4, { group }, (consumer) => consumer.commit({ offsets: [commit] })))
  const [resumed] = texts(await read(topic, 1, { group }))
  const start = { mode: 'manual', offsets: [{ topic, partition: 0, offset: 0n }] }
  const [sought] = texts(await read(topic, 1, { group, ...start }))
  return withAdmin(async (admin) => {
    const [kept] = await admin.listConsumerGroupOffsets({ groups: [group] })
    const at = async (timestamp) => {
      const [found] = await admin.listOffsets({
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
      })
      return found.partitions[0]
    }
    const atTime = await at(BigInt(FIRST_MS + 5500))
    const never = await at(BigInt(FIRST_MS + 999_999))
    return {
      first,
      resumed,
      committed: Number(kept.topics[0].partitions[0].committedOffset),
      bounds: [Number((await at(-2n)).offset), Number((await at(-1n)).offset)],
      atTime: Number(atTime.offset),
      atTimeTimestamp: Number(atTime.timestamp),
      afterAll: never.offset === -1n ? null : Number(never.offset),
      sought,
    }
  })
}

async function idempotence() {
  const topic = own('idempotence')
  await make(topic)
  await withProducer({ idempotent: true }, async (producer) => {
    for (const start of numbers(30)) {
      const messages = numbers(10).map((number) => ({ topic, value: String(start * 10 + number) }))
      await producer.send({ messages })
    }
  })
  const found = texts(await read(topic, 300)).map(Number)
  return { read: found.length, inOrder: found.every((value, index) => value === index) }
}

async function transactions() {
  const [topic, source, group, name] = [own('tx'), own('source'), own('copiers'), own('writer')]
  await make(topic)
  await make(source)
  await fill(source, 10)
  const options = { transactionalId: name, idempotent: true }
  return withProducer(options, async (producer) => {
    const send = (transaction, values) => transaction.send({ messages: values.map((value) => ({ topic, value })) })
    const first = await producer.beginTransaction()
    await send(first, ['a1', 'a2'])
    await first.commit()
    const second = await producer.beginTransaction()
    await send(second, ['b1', 'b2'])
    await second.abort()
    const third = await producer.beginTransaction()
    await send(third, ['c1'])
    await read(source, 7, { group }, async (consumer, found) => {
      await third.addConsumer(consumer)
      await third.addOffset(found.at(-1))
    })
    await third.commit()
    const open = await producer.beginTransaction()
    await send(open, ['d1'])
    const committed = texts(await read(topic, 3, { isolationLevel: 1 }))
    const everything = texts(await read(topic, 6, { isolationLevel: 0 }))
    const [kept] = await withAdmin((admin) => admin.listConsumerGroupOffsets({ groups: [group] }))
    const fenced = await withProducer(options, async (heir) => {
      // Left to itself the client asks with id 0, and Kafka takes it for one that has been replaced.
      const transaction = await heir.beginTransaction({ producerId: -1n, producerEpoch: -1 })
      await send(transaction, ['never seen'])
      await transaction.abort()
      return (await codeOf(() => open.commit())) !== 0
    })
    return { committed, everything, groupOffset: Number(kept.topics[0]?.partitions[0].committedOffset), fenced }
  })
}

async function retentionOf(admin, topic) {
  const resources = [
    { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: ['retention.ms'] },
  ]
  const [found] = await admin.describeConfigs({ resources })
  return found.configs[0].value
}

async function partitionCount(admin, topic) {
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
  return topics.get(topic).partitionsCount
}

function administration() {
  const [topic, group] = [own('admin'), own('admins')]
  return withAdmin(async (admin) => {
    const configs = [{ name: 'retention.ms', value: '3600000' }]
    const create = () => admin.createTopics({ topics: [topic], partitions: 2, replicas: 1, configs })
    await create()
    const again = await codeOf(create)
    const outcome = {
      again,
      partitions: await partitionCount(admin, topic),
      retention: await retentionOf(admin, topic),
    }
    const { SET } = IncrementalAlterConfigOperationTypes
    const change = [{ name: 'retention.ms', value: '7200000', configOperation: SET }]
    const resources = [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: change }]
    await admin.incrementalAlterConfigs({ resources })
    outcome.altered = await retentionOf(admin, topic)
    const grow = (count) => admin.createPartitions({ topics: [{ name: topic, count, assignments: null }] })
    await grow(4)
    outcome.grown = await partitionCount(admin, topic)
    outcome.shrunk = await codeOf(() => grow(3))
    await fill(topic, 5)
    await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 3n }] }] })
    outcome.firstKept = Number(texts(await read(topic, 1))[0].slice(1))
    const offset = { topic, partition: 0, offset: 5n, leaderEpoch: 0 }
    await read(topic, 2, { group }, (consumer) => consumer.commit({ offsets: [offset] }))
    Object.assign(outcome, await groupAdministration(admin, group))
    await admin.deleteTopics({ topics: [topic] })
    outcome.listed = (await admin.listTopics()).includes(topic)
    outcome.deletedAgain = await codeOf(() => admin.deleteTopics({ topics: [topic] }))
    return outcome
  })
}

async function groupAdministration(admin, group) {
  const isListed = async () => (await admin.listGroups()).has(group)
  const groupListed = await isListed()
  const described = await admin.describeGroups({ groups: [group] })
  const [kept] = await admin.listConsumerGroupOffsets({ groups: [group] })
  const groupOffset = Number(
    kept.topics[0].partitions.find(({ partitionIndex }) => partitionIndex === 0).committedOffset,
  )
  await admin.deleteGroups({ groups: [group] })
  const groupState = described.get(group).state
  const title = `${groupState[0].toUpperCase()}${groupState.slice(1).toLowerCase()}`
  return { groupListed, groupState: title, groupOffset, groupLeft: await isListed() }
}

const scenarios = {
  records,
  compression,
  acks,
  limits,
  auto_creation,
  offsets,
  idempotence,
  transactions,
  administration,
}
console.log(JSON.stringify(await scenarios[process.argv[2]]()))
