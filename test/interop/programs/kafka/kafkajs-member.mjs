/**
 * A member of a consumer group with kafkajs: tells what it was assigned and what it reads, commits behind each record,
 * and leaves in order on SIGTERM. Arguments: topic, group.
 */
import kafkajs from 'kafkajs'

const [topic, groupId] = process.argv.slice(2)
const kafka = new kafkajs.Kafka({ brokers: [process.env.KAFKA], logLevel: kafkajs.logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId,
  sessionTimeout: 6000,
  rebalanceTimeout: 6000,
  heartbeatInterval: 500,
  maxWaitTimeInMs: 300,
})
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  console.log('assigned', (payload.memberAssignment[topic] ?? []).sort((one, other) => one - other).join())
})
await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
await consumer.run({
  autoCommitThreshold: 1,
  eachMessage: async ({ message }) => console.log('read', message.value.toString()),
})
process.once('SIGTERM', async () => {
  await consumer.disconnect()
  console.log('left')
})
