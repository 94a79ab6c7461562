/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DeleteTopicState {
  readonly name: string | null
  readonly topicId: Buffer
}

export interface DeleteTopicsRequest {
  /** Versions 6+. */
  readonly topics: readonly DeleteTopicState[]
  /** Versions 1-5. */
  readonly topicNames: readonly string[]
  readonly timeoutMs: number
}

export interface DeletableTopicResult {
  name: string | null
  /** Versions 6+. */
  topicId?: Buffer | undefined
  errorCode: number
  /** Versions 5+. */
  errorMessage?: string | null | undefined
}

export interface DeleteTopicsResponse {
  throttleTimeMs?: number | undefined
  responses: readonly DeletableTopicResult[]
}

export const deleteTopicsSchema: ApiSchema = {
  key: 20,
  name: 'DeleteTopics',
  versionMin: 1,
  versionMax: 6,
  flexibleFrom: 4,
  request: `
topics []DeleteTopicState 6+
  name string? = null
  topicId uuid
topicNames []string 1-5 ignorable
timeoutMs int32
`,
  response: `
throttleTimeMs int32 ignorable
responses []DeletableTopicResult
  name string?6+
  topicId uuid 6+ ignorable
  errorCode int16
  errorMessage string? 5+ = null ignorable
`,
}
