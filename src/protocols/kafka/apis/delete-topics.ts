/** DeleteTopics, by name or, from version 6 on, by id. */
import type { Api, RequestContext } from '../api.ts'
import { refusalOf } from '../refusals.ts'
import { findTopic, isNoId, NO_ID } from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DeletableTopicResult,
  type DeleteTopicState,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  deleteTopicsSchema,
} from '../wire/schemas/delete-topics.gen.ts'

export const deleteTopics: Api<DeleteTopicsRequest, DeleteTopicsResponse> = {
  key: deleteTopicsSchema.key,
  versionMin: deleteTopicsSchema.versionMin,
  versionMax: deleteTopicsSchema.versionMax,
  handle,
}

async function handle(request: DeleteTopicsRequest, context: RequestContext): Promise<DeleteTopicsResponse> {
  const asked = context.apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: NO_ID }))
  const responses: DeletableTopicResult[] = []
  for (const topic of asked) responses.push(await deleted(topic, context))
  return { responses }
}

async function deleted({ name, topicId }: DeleteTopicState, context: RequestContext): Promise<DeletableTopicResult> {
  const { streams } = context.session
  if (name !== null && !isNoId(topicId)) {
    const { code } = KAFKA_ERRORS.INVALID_REQUEST
    return { name, topicId, errorCode: code, errorMessage: 'a topic is named by its name or its id, not by both' }
  }
  const stream = findTopic(streams, name, topicId)
  if (stream === undefined) {
    const { code, message } = KAFKA_ERRORS[name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION']
    return { name, topicId, errorCode: code, errorMessage: message }
  }
  if (stream.isInternal) {
    const { code } = KAFKA_ERRORS.INVALID_REQUEST
    return {
      name: stream.name,
      topicId: stream.id,
      errorCode: code,
      errorMessage: 'the broker needs this topic itself',
    }
  }
  try {
    await streams.delete(stream.name)
    return { name: stream.name, topicId: stream.id, errorCode: 0, errorMessage: null }
  } catch (error) {
    const { code, message } = refusalOf(error)
    return { name: stream.name, topicId: stream.id, errorCode: code, errorMessage: message }
  }
}
