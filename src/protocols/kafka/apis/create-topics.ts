/**
 * CreateTopics. Any replication factor is taken and answered as asked, although there is one copy: many programs and test
 * suites ask for three, and would not run at all otherwise (docs/protocols/kafka.md says so).
 */
import type { StreamInfo } from '../../../broker/streams/stream-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { topicEntries } from '../configs.ts'
import { clipped, type Refusal, refusalOf } from '../refusals.ts'
import { collidingTopic, NO_ID, nameProblem } from '../topics.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from '../wire/errors.ts'
import {
  type CreatableTopic,
  type CreatableTopicResult,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  createTopicsSchema,
} from '../wire/schemas/create-topics.gen.ts'

const NOT_GIVEN = -1

export const createTopics: Api<CreateTopicsRequest, CreateTopicsResponse> = {
  key: createTopicsSchema.key,
  versionMin: createTopicsSchema.versionMin,
  versionMax: createTopicsSchema.versionMax,
  handle,
}

interface Plan {
  readonly name: string
  readonly partitionCount: number
  readonly replicationFactor: number
  readonly configs: ReadonlyMap<string, string>
}

async function handle(request: CreateTopicsRequest, context: RequestContext): Promise<CreateTopicsResponse> {
  const counts = new Map<string, number>()
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
  const topics: CreatableTopicResult[] = []
  for (const topic of request.topics) {
    const count = counts.get(topic.name)
    // A topic named twice is answered once, and refused.
    if (count === undefined) continue
    counts.delete(topic.name)
    topics.push(await created(topic, count > 1, request.validateOnly, context))
  }
  return { topics }
}

async function created(
  topic: CreatableTopic,
  isTwice: boolean,
  validateOnly: boolean,
  context: RequestContext,
): Promise<CreatableTopicResult> {
  const { streams } = context.session
  const { name } = topic
  if (isTwice) return refused(name, refusal('INVALID_REQUEST', 'the topic is named twice in one request'))
  const plan = planOf(topic, context)
  if ('code' in plan) return refused(name, plan)
  try {
    streams.checkConfigs(plan.configs)
  } catch (error) {
    return refused(name, refusalOf(error, KAFKA_ERRORS.INVALID_CONFIG.code))
  }
  if (streams.find(name) !== undefined)
    return refused(name, refusal('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`))
  const other = collidingTopic(streams, name)
  if (other !== undefined) {
    const text = `topic '${name}' differs from '${other}' only by '.' and '_'`
    return refused(name, refusal('INVALID_TOPIC_EXCEPTION', text))
  }
  if (validateOnly) return result(plan, undefined, context)
  try {
    return result(plan, await streams.create(plan), context)
  } catch (error) {
    return refused(name, refusalOf(error, KAFKA_ERRORS.TOPIC_ALREADY_EXISTS.code))
  }
}

function refusal(name: KafkaErrorName, message: string): Refusal {
  return { code: KAFKA_ERRORS[name].code, message }
}

function planOf(topic: CreatableTopic, { settings }: RequestContext): Plan | Refusal {
  const { name, numPartitions, replicationFactor, assignments } = topic
  const problem = nameProblem(name)
  if (problem !== undefined) return refusal('INVALID_TOPIC_EXCEPTION', problem)
  const configs = new Map<string, string>()
  for (const { name: key, value } of topic.configs) {
    if (value === null) return refusal('INVALID_CONFIG', `config '${key}' has no value`)
    configs.set(key, value)
  }
  if (assignments.length > 0) return assignedPlan(topic, configs, settings.nodeId)
  const partitionCount = numPartitions === NOT_GIVEN ? settings.partitionCountDefault : numPartitions
  if (partitionCount < 1 || partitionCount > settings.partitionCountMax) {
    return refusal(
      'INVALID_PARTITIONS',
      `a topic has 1 to ${settings.partitionCountMax} partitions, not ${partitionCount}`,
    )
  }
  if (replicationFactor !== NOT_GIVEN && replicationFactor < 1) {
    return refusal('INVALID_REPLICATION_FACTOR', `the replication factor is at least 1, not ${replicationFactor}`)
  }
  const copies = replicationFactor === NOT_GIVEN ? 1 : replicationFactor
  return { name, partitionCount, replicationFactor: copies, configs }
}

/** The client chose brokers: only this one can be chosen, and every partition from 0 on once. */
function assignedPlan(topic: CreatableTopic, configs: Plan['configs'], nodeId: number): Plan | Refusal {
  const { name, assignments, numPartitions, replicationFactor } = topic
  if (numPartitions !== NOT_GIVEN || replicationFactor !== NOT_GIVEN) {
    return refusal('INVALID_REQUEST', 'with an assignment, partitions and replication factor must be -1')
  }
  const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b)
  if (indexes.some((index, at) => index !== at)) {
    return refusal('INVALID_REPLICA_ASSIGNMENT', 'the assignment must name every partition from 0 on, each once')
  }
  if (assignments.some(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== nodeId)) {
    return refusal('INVALID_REPLICA_ASSIGNMENT', `the only broker is ${nodeId}`)
  }
  return { name, partitionCount: assignments.length, replicationFactor: 1, configs }
}

function refused(name: string, { code, message }: Refusal): CreatableTopicResult {
  return { name, topicId: NO_ID, errorCode: code, errorMessage: clipped(message), configs: null }
}

function result(plan: Plan, made: StreamInfo | undefined, { session }: RequestContext): CreatableTopicResult {
  const configs = topicEntries(plan.configs, session.streams.settings)
  return {
    name: plan.name,
    topicId: made?.id ?? NO_ID,
    errorCode: 0,
    errorMessage: null,
    numPartitions: plan.partitionCount,
    replicationFactor: plan.replicationFactor,
    configs: configs.map(({ name, value, source, isReadOnly }) => ({
      name,
      value,
      readOnly: isReadOnly,
      configSource: source,
      isSensitive: false,
    })),
  }
}
