/**
 * What applications do with kafkajs: one scenario a run, named by the first argument, which prints what came of it as
 * one line of JSON. kafka-clients.test.ts says what should.
 */
import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs
const kafka = new Kafka({ clientId: 'scenario', brokers: [process.env.KAFKA], logLevel: logLevel.NOTHING })
const FIRST_MS = 1_700_000_000_000
const PATIENCE_MS = 15_000

const own = (name) => `${name}.${randomUUID()}`
const numbers = (count) => Array.from({ length: count }, (_, index) => index)

async function withAdmin(work) {
  // What must fail should do so at once.
  const admin = kafka.admin({ retry: { retries: 1, initialRetryTime: 100 } })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

async function withProducer(options, work) {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, ...options })
  await producer.connect()
  try {
    return await work(producer)
  } finally {
    await producer.disconnect()
  }
}

const make = (topic, numPartitions = 1) =>
  withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }] }))

/** Fewer, should they not come. `onMessages` may commit before the consumer leaves. */
async function read(topic, count, options = {}, onMessages = async () => {}) {
  const { group = own('reader'), from, ...settings } = options
  const consumer = kafka.consumer({ groupId: group, rebalanceTimeout: 3000, maxWaitTimeInMs: 300, ...settings })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const found = []
  let enough
  const filled = new Promise((resolve) => {
    enough = resolve
  })
  const timer = setTimeout(() => enough(), PATIENCE_MS)
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      if (found.length < count) found.push({ partition, ...message })
      if (found.length === count) enough()
    },
  })
  if (from !== undefined) consumer.seek({ topic, partition: 0, offset: String(from) })
  await filled
  clearTimeout(timer)
  await onMessages(consumer)
  await consumer.disconnect()
  return found
}

async function codeOf(action) {
  try {
    await action()
    return 0
  } catch (error) {
    for (let each = error; each; each = each.cause ?? each.errors?.[0]) if (each.code > 0) return each.code
    throw error
  }
}

const texts = (found) => found.map(({ value }) => value.toString())

async function records() {
  const topic = own('records')
  await make(topic, 3)
  const messages = numbers(12).map((number) => ({
    key: `k${number % 4}`,
    value: number === 11 ? null : `v${number}`,
    headers: { number: String(number), empty: '' },
    timestamp: String(FIRST_MS + number),
  }))
  await withProducer({}, (producer) => producer.send({ topic, acks: -1, messages }))
  const found = await read(topic, 12)
  const numberOf = ({ headers }) => Number(headers.number.toString())
  const places = grouped(found)
  return {
    read: found.length,
    together: [...places.values()].every((place) => new Set(place.map(({ partition }) => partition)).size === 1),
    inOrder: [...places.values()].every((place) => isAscending(place.map(numberOf))),
    headers: found.every(({ headers }) => Object.keys(headers).join() === 'number,empty'),
    emptyHeader: found.every(({ headers }) => headers.empty.length === 0),
    tombstones: found.filter(({ value }) => value === null).map(numberOf),
    timestamps: found.every((record) => Number(record.timestamp) === FIRST_MS + numberOf(record)),
  }
}

function grouped(found) {
  const groups = new Map()
  for (const record of found) {
    const key = record.key.toString()
    groups.set(key, [...(groups.get(key) ?? []), record])
  }
  return groups
}

const isAscending = (values) => values.every((value, index) => index === 0 || value > values[index - 1])

/** kafkajs brings one codec with it. */
async function compression() {
  const outcome = {}
  for (const [name, codec] of [
    ['none', CompressionTypes.None],
    ['gzip', CompressionTypes.GZIP],
  ]) {
    const topic = own('compression')
    await make(topic)
    const sent = numbers(200).map((number) => `${name} ${number} ${'copper '.repeat(20)}`)
    const messages = sent.map((value) => ({ value }))
    await withProducer({}, (producer) => producer.send({ topic, compression: codec, messages }))
    outcome[name] = texts(await read(topic, 200)).join() === sent.join()
  }
  return outcome
}

async function acks() {
  const topic = own('acks')
  await make(topic)
  for (const level of [0, 1, -1]) {
    const messages = numbers(10).map((number) => ({ value: `${level} ${number}` }))
    await withProducer({}, (producer) => producer.send({ topic, acks: level, messages }))
  }
  return { read: (await read(topic, 30)).length }
}

async function limits() {
  const topic = own('limits')
  await make(topic)
  return withProducer({ retry: { retries: 0 } }, async (producer) => {
    const large = { topic, messages: [{ value: Buffer.alloc(2_000_000, 'x') }] }
    const tooLarge = await codeOf(() => producer.send(large))
    await producer.send({ topic, messages: [{ value: 'v0' }] })
    return { tooLarge, afterwards: texts(await read(topic, 1))[0] }
  })
}

async function auto_creation() {
  const topic = own('nobody-made-this')
  await withProducer({ allowAutoTopicCreation: true }, (producer) =>
    producer.send({ topic, messages: [{ value: 'first' }] }),
  )
  return { read: texts(await read(topic, 1)) }
}

const fill = (topic, count) =>
  withProducer({}, (producer) => {
    const messages = numbers(count).map((number) => ({
      value: `v${number}`,
      partition: 0,
      timestamp: String(FIRST_MS + 1000 * number),
    }))
    return producer.send({ topic, messages })
  })

async function offsets() {
  const [topic, group] = [own('offsets'), own('readers')]
  await make(topic)
  await fill(topic, 10)
  const commit = { topic, partition: 0, offset: '4', metadata: 'note' }
  const first = texts(await read(topic, 4, { group }, (consumer) => consumer.commitOffsets([commit])))
  const [resumed] = texts(await read(topic, 1, { group }))
  const [sought] = texts(await read(topic, 1, { group, from: 0 }))
  return withAdmin(async (admin) => {
    const [{ partitions: committed }] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const [bounds] = await admin.fetchTopicOffsets(topic)
    const [atTime] = await admin.fetchTopicOffsetsByTimestamp(topic, FIRST_MS + 5500)
    return {
      first,
      resumed,
      committed: Number(committed[0].offset),
      note: committed[0].metadata,
      bounds: [Number(bounds.low), Number(bounds.high)],
      atTime: Number(atTime.offset),
      sought,
    }
  })
}

async function idempotence() {
  const topic = own('idempotence')
  await make(topic)
  await withProducer({ idempotent: true, maxInFlightRequests: 1 }, async (producer) => {
    for (const start of numbers(30)) {
      const messages = numbers(10).map((number) => ({ value: String(start * 10 + number) }))
      await producer.send({ topic, messages })
    }
  })
  const found = texts(await read(topic, 300)).map(Number)
  return { read: found.length, inOrder: found.every((value, index) => value === index) }
}

async function transactions() {
  const [topic, source, group, name] = [own('tx'), own('source'), own('copiers'), own('writer')]
  await make(topic)
  await make(source)
  const options = { transactionalId: name, idempotent: true, maxInFlightRequests: 1, retry: { retries: 5 } }
  return withProducer(options, async (producer) => {
    for (const [values, commit] of [
      [['a1', 'a2'], true],
      [['b1', 'b2'], false],
      [['c1'], true],
    ]) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: values.map((value) => ({ value })) })
      if (values[0] === 'c1') {
        const topics = [{ topic: source, partitions: [{ partition: 0, offset: '7' }] }]
        await transaction.sendOffsets({ consumerGroupId: group, topics })
      }
      await (commit ? transaction.commit() : transaction.abort())
    }
    const open = await producer.transaction()
    await open.send({ topic, messages: [{ value: 'd1' }] })
    const committed = texts(await read(topic, 3, { readUncommitted: false }))
    const everything = texts(await read(topic, 6, { readUncommitted: true }))
    const fetched = await withAdmin((admin) => admin.fetchOffsets({ groupId: group, topics: [source] }))
    const fenced = await withProducer(options, async (heir) => {
      await heir.transaction().then((transaction) => transaction.abort())
      return (await codeOf(() => open.commit())) !== 0
    })
    return { committed, everything, groupOffset: Number(fetched[0].partitions[0].offset), fenced }
  })
}

async function retentionOf(admin, topic) {
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }]
  const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false })
  return found[0].configEntries[0].configValue
}

async function partitionCount(admin, topic) {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  return topics[0].partitions.length
}

function administration() {
  const [topic, group] = [own('admin'), own('admins')]
  return withAdmin(async (admin) => {
    const configEntries = [{ name: 'retention.ms', value: '3600000' }]
    await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1, configEntries }] })
    // Answers false where others throw.
    const again = (await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })) ? 0 : 36
    const outcome = {
      again,
      partitions: await partitionCount(admin, topic),
      retention: await retentionOf(admin, topic),
    }
    const change = [{ name: 'retention.ms', value: '7200000' }]
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: change }]
    await admin.alterConfigs({ validateOnly: false, resources })
    outcome.altered = await retentionOf(admin, topic)
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    outcome.grown = await partitionCount(admin, topic)
    outcome.shrunk = await codeOf(() => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }))
    await fill(topic, 5)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] })
    outcome.firstKept = Number(texts(await read(topic, 1))[0].slice(1))
    await read(topic, 2, { group }, (consumer) => consumer.commitOffsets([{ topic, partition: 0, offset: '5' }]))
    Object.assign(outcome, await groupAdministration(admin, group, topic))
    await admin.deleteTopics({ topics: [topic] })
    outcome.listed = (await admin.listTopics()).includes(topic)
    outcome.deletedAgain = await codeOf(() => admin.deleteTopics({ topics: [topic] }))
    return outcome
  })
}

async function groupAdministration(admin, group, topic) {
  const names = async () => (await admin.listGroups()).groups.map(({ groupId }) => groupId)
  const groupListed = (await names()).includes(group)
  const { groups } = await admin.describeGroups([group])
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const groupOffset = Number(partitions.find(({ partition }) => partition === 0).offset)
  await admin.deleteGroups([group])
  return { groupListed, groupState: groups[0].state, groupOffset, groupLeft: (await names()).includes(group) }
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
