/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface ReplicaState {
  readonly replicaId: number
  readonly replicaEpoch: number
}

export interface FetchPartition {
  readonly partition: number
  /** Versions 9+. */
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  /** Versions 12+. */
  readonly lastFetchedEpoch: number
  /** Versions 5+. */
  readonly logStartOffset: number
  readonly partitionMaxBytes: number
  /** Versions 17+. */
  readonly replicaDirectoryId: Buffer
  /** Versions 18+. */
  readonly highWatermark: number
}

export interface FetchTopic {
  /** Versions 4-12. */
  readonly topic: string
  /** Versions 13+. */
  readonly topicId: Buffer
  readonly partitions: readonly FetchPartition[]
}

export interface ForgottenTopic {
  /** Versions 7-12. */
  readonly topic: string
  /** Versions 13+. */
  readonly topicId: Buffer
  readonly partitions: readonly number[]
}

export interface FetchRequest {
  /** Versions 12+. */
  readonly clusterId: string | null
  /** Versions 4-14. */
  readonly replicaId: number
  /** Versions 15+. */
  readonly replicaState: ReplicaState
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: number
  /** Versions 7+. */
  readonly sessionId: number
  /** Versions 7+. */
  readonly sessionEpoch: number
  readonly topics: readonly FetchTopic[]
  /** Versions 7+. */
  readonly forgottenTopicsData: readonly ForgottenTopic[]
  /** Versions 11+. */
  readonly rackId: string
}

export interface EpochEndOffset {
  epoch?: number | undefined
  endOffset?: number | undefined
}

export interface LeaderIdAndEpoch {
  leaderId?: number | undefined
  leaderEpoch?: number | undefined
}

export interface SnapshotId {
  endOffset?: number | undefined
  epoch?: number | undefined
}

export interface AbortedTransaction {
  producerId: number
  firstOffset: number
}

export interface PartitionData {
  partitionIndex: number
  errorCode: number
  highWatermark: number
  lastStableOffset?: number | undefined
  /** Versions 5+. */
  logStartOffset?: number | undefined
  /** Versions 12+. */
  divergingEpoch?: EpochEndOffset | undefined
  /** Versions 12+. */
  currentLeader?: LeaderIdAndEpoch | undefined
  /** Versions 12+. */
  snapshotId?: SnapshotId | undefined
  abortedTransactions?: readonly AbortedTransaction[] | null | undefined
  /** Versions 11+. */
  preferredReadReplica?: number | undefined
  records: Buffer | readonly Buffer[] | null
}

export interface FetchableTopicResponse {
  /** Versions 4-12. */
  topic?: string | undefined
  /** Versions 13+. */
  topicId?: Buffer | undefined
  partitions: readonly PartitionData[]
}

export interface NodeEndpoint {
  nodeId: number
  host: string
  port: number
  rack?: string | null | undefined
}

export interface FetchResponse {
  throttleTimeMs?: number | undefined
  /** Versions 7+. */
  errorCode?: number | undefined
  /** Versions 7+. */
  sessionId?: number | undefined
  responses: readonly FetchableTopicResponse[]
  /** Versions 16+. */
  nodeEndpoints?: readonly NodeEndpoint[] | undefined
}

export const fetchSchema: ApiSchema = {
  key: 1,
  name: 'Fetch',
  versionMin: 4,
  versionMax: 18,
  flexibleFrom: 12,
  request: `
clusterId string? 12+ #0 = null ignorable
replicaId int32 4-14 = -1
replicaState ReplicaState 15+ #1
  replicaId int32 = -1
  replicaEpoch int64 = -1
maxWaitMs int32
minBytes int32
maxBytes int32 = 2147483647 ignorable
isolationLevel int8 ignorable
sessionId int32 7+ ignorable
sessionEpoch int32 7+ = -1 ignorable
topics []FetchTopic
  topic string 4-12 ignorable
  topicId uuid 13+ ignorable
  partitions []FetchPartition
    partition int32
    currentLeaderEpoch int32 9+ = -1 ignorable
    fetchOffset int64
    lastFetchedEpoch int32 12+ = -1
    logStartOffset int64 5+ = -1 ignorable
    partitionMaxBytes int32
    replicaDirectoryId uuid 17+ #0 ignorable
    highWatermark int64 18+ #1 = 9223372036854775807 ignorable
forgottenTopicsData []ForgottenTopic 7+
  topic string 7-12 ignorable
  topicId uuid 13+ ignorable
  partitions []int32
rackId string 11+ ignorable
`,
  response: `
throttleTimeMs int32 ignorable
errorCode int16 7+ ignorable
sessionId int32 7+
responses []FetchableTopicResponse
  topic string 4-12 ignorable
  topicId uuid 13+ ignorable
  partitions []PartitionData
    partitionIndex int32
    errorCode int16
    highWatermark int64
    lastStableOffset int64 = -1 ignorable
    logStartOffset int64 5+ = -1 ignorable
    divergingEpoch EpochEndOffset 12+ #0
      epoch int32 = -1
      endOffset int64 = -1
    currentLeader LeaderIdAndEpoch 12+ #1
      leaderId int32 = -1
      leaderEpoch int32 = -1
    snapshotId SnapshotId 12+ #2
      endOffset int64 = -1
      epoch int32 = -1
    abortedTransactions []AbortedTransaction? ignorable
      producerId int64
      firstOffset int64
    preferredReadReplica int32 11+ = -1
    records records?
nodeEndpoints []NodeEndpoint 16+ #0
  nodeId int32
  host string
  port int32
  rack string? = null
`,
}
