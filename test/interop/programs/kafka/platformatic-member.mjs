/**
 * A member of a consumer group with @platformatic/kafka: tells what it was assigned and what it reads, commits behind each
 * record, and leaves in order on SIGTERM. Arguments: topic, group.
 */
import { Consumer, stringDeserializers } from '@platformatic/kafka'

const [topic, groupId] = process.argv.slice(2)
const consumer = new Consumer({
  clientId: 'member',
  bootstrapBrokers: [process.env.KAFKA],
  groupId,
  deserializers: stringDeserializers,
  sessionTimeout: 6000,
  rebalanceTimeout: 6000,
  heartbeatInterval: 500,
  maxWaitTime: 300,
})
consumer.on('consumer:group:join', ({ assignments }) => {
  const partitions = (assignments ?? []).filter((each) => each.topic === topic).flatMap((each) => each.partitions)
  console.log('assigned', partitions.sort((one, other) => one - other).join())
})
const stream = await consumer.consume({
  topics: [topic],
  mode: 'committed',
  fallbackMode: 'earliest',
  autocommit: false,
})
process.once('SIGTERM', async () => {
  await consumer.close(true)
  console.log('left')
})
for await (const message of stream) {
  console.log('read', message.value)
  await message.commit()
}
