/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'
import {
  type AddOffsetsToTxnRequest,
  type AddOffsetsToTxnResponse,
  addOffsetsToTxnSchema,
} from './add-offsets-to-txn.gen.ts'
import {
  type AddPartitionsToTxnRequest,
  type AddPartitionsToTxnResponse,
  addPartitionsToTxnSchema,
} from './add-partitions-to-txn.gen.ts'
import { type AlterConfigsRequest, type AlterConfigsResponse, alterConfigsSchema } from './alter-configs.gen.ts'
import { type ApiVersionsRequest, type ApiVersionsResponse, apiVersionsSchema } from './api-versions.gen.ts'
import {
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  createPartitionsSchema,
} from './create-partitions.gen.ts'
import { type CreateTopicsRequest, type CreateTopicsResponse, createTopicsSchema } from './create-topics.gen.ts'
import { type DeleteGroupsRequest, type DeleteGroupsResponse, deleteGroupsSchema } from './delete-groups.gen.ts'
import { type DeleteRecordsRequest, type DeleteRecordsResponse, deleteRecordsSchema } from './delete-records.gen.ts'
import { type DeleteTopicsRequest, type DeleteTopicsResponse, deleteTopicsSchema } from './delete-topics.gen.ts'
import {
  type DescribeClusterRequest,
  type DescribeClusterResponse,
  describeClusterSchema,
} from './describe-cluster.gen.ts'
import {
  type DescribeConfigsRequest,
  type DescribeConfigsResponse,
  describeConfigsSchema,
} from './describe-configs.gen.ts'
import { type DescribeGroupsRequest, type DescribeGroupsResponse, describeGroupsSchema } from './describe-groups.gen.ts'
import {
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponse,
  describeLogDirsSchema,
} from './describe-log-dirs.gen.ts'
import {
  type DescribeProducersRequest,
  type DescribeProducersResponse,
  describeProducersSchema,
} from './describe-producers.gen.ts'
import {
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  describeTopicPartitionsSchema,
} from './describe-topic-partitions.gen.ts'
import {
  type DescribeTransactionsRequest,
  type DescribeTransactionsResponse,
  describeTransactionsSchema,
} from './describe-transactions.gen.ts'
import { type EndTxnRequest, type EndTxnResponse, endTxnSchema } from './end-txn.gen.ts'
import { type FetchRequest, type FetchResponse, fetchSchema } from './fetch.gen.ts'
import {
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
  findCoordinatorSchema,
} from './find-coordinator.gen.ts'
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatSchema } from './heartbeat.gen.ts'
import {
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
  incrementalAlterConfigsSchema,
} from './incremental-alter-configs.gen.ts'
import {
  type InitProducerIdRequest,
  type InitProducerIdResponse,
  initProducerIdSchema,
} from './init-producer-id.gen.ts'
import { type JoinGroupRequest, type JoinGroupResponse, joinGroupSchema } from './join-group.gen.ts'
import { type LeaveGroupRequest, type LeaveGroupResponse, leaveGroupSchema } from './leave-group.gen.ts'
import {
  type ListConfigResourcesRequest,
  type ListConfigResourcesResponse,
  listConfigResourcesSchema,
} from './list-config-resources.gen.ts'
import { type ListGroupsRequest, type ListGroupsResponse, listGroupsSchema } from './list-groups.gen.ts'
import { type ListOffsetsRequest, type ListOffsetsResponse, listOffsetsSchema } from './list-offsets.gen.ts'
import {
  type ListTransactionsRequest,
  type ListTransactionsResponse,
  listTransactionsSchema,
} from './list-transactions.gen.ts'
import { type MetadataRequest, type MetadataResponse, metadataSchema } from './metadata.gen.ts'
import { type OffsetCommitRequest, type OffsetCommitResponse, offsetCommitSchema } from './offset-commit.gen.ts'
import { type OffsetDeleteRequest, type OffsetDeleteResponse, offsetDeleteSchema } from './offset-delete.gen.ts'
import { type OffsetFetchRequest, type OffsetFetchResponse, offsetFetchSchema } from './offset-fetch.gen.ts'
import {
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
  offsetForLeaderEpochSchema,
} from './offset-for-leader-epoch.gen.ts'
import { type ProduceRequest, type ProduceResponse, produceSchema } from './produce.gen.ts'
import {
  type SaslAuthenticateRequest,
  type SaslAuthenticateResponse,
  saslAuthenticateSchema,
} from './sasl-authenticate.gen.ts'
import { type SaslHandshakeRequest, type SaslHandshakeResponse, saslHandshakeSchema } from './sasl-handshake.gen.ts'
import { type SyncGroupRequest, type SyncGroupResponse, syncGroupSchema } from './sync-group.gen.ts'
import {
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponse,
  txnOffsetCommitSchema,
} from './txn-offset-commit.gen.ts'

/** The number of each API, by its name. */
export const API = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  DescribeGroups: 15,
  ListGroups: 16,
  SaslHandshake: 17,
  ApiVersions: 18,
  CreateTopics: 19,
  DeleteTopics: 20,
  DeleteRecords: 21,
  InitProducerId: 22,
  OffsetForLeaderEpoch: 23,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
  DescribeConfigs: 32,
  AlterConfigs: 33,
  SaslAuthenticate: 36,
  CreatePartitions: 37,
  DeleteGroups: 42,
  IncrementalAlterConfigs: 44,
  OffsetDelete: 47,
  DescribeCluster: 60,
  DescribeProducers: 61,
  DescribeTransactions: 65,
  ListTransactions: 66,
  DescribeTopicPartitions: 75,
  DescribeLogDirs: 35,
  ListConfigResources: 74,
} as const

/** The objects of each API, by its number. */
export interface ApiMessages {
  0: { request: ProduceRequest; response: ProduceResponse }
  1: { request: FetchRequest; response: FetchResponse }
  2: { request: ListOffsetsRequest; response: ListOffsetsResponse }
  3: { request: MetadataRequest; response: MetadataResponse }
  8: { request: OffsetCommitRequest; response: OffsetCommitResponse }
  9: { request: OffsetFetchRequest; response: OffsetFetchResponse }
  10: { request: FindCoordinatorRequest; response: FindCoordinatorResponse }
  11: { request: JoinGroupRequest; response: JoinGroupResponse }
  12: { request: HeartbeatRequest; response: HeartbeatResponse }
  13: { request: LeaveGroupRequest; response: LeaveGroupResponse }
  14: { request: SyncGroupRequest; response: SyncGroupResponse }
  15: { request: DescribeGroupsRequest; response: DescribeGroupsResponse }
  16: { request: ListGroupsRequest; response: ListGroupsResponse }
  17: { request: SaslHandshakeRequest; response: SaslHandshakeResponse }
  18: { request: ApiVersionsRequest; response: ApiVersionsResponse }
  19: { request: CreateTopicsRequest; response: CreateTopicsResponse }
  20: { request: DeleteTopicsRequest; response: DeleteTopicsResponse }
  21: { request: DeleteRecordsRequest; response: DeleteRecordsResponse }
  22: { request: InitProducerIdRequest; response: InitProducerIdResponse }
  23: { request: OffsetForLeaderEpochRequest; response: OffsetForLeaderEpochResponse }
  24: { request: AddPartitionsToTxnRequest; response: AddPartitionsToTxnResponse }
  25: { request: AddOffsetsToTxnRequest; response: AddOffsetsToTxnResponse }
  26: { request: EndTxnRequest; response: EndTxnResponse }
  28: { request: TxnOffsetCommitRequest; response: TxnOffsetCommitResponse }
  32: { request: DescribeConfigsRequest; response: DescribeConfigsResponse }
  33: { request: AlterConfigsRequest; response: AlterConfigsResponse }
  36: { request: SaslAuthenticateRequest; response: SaslAuthenticateResponse }
  37: { request: CreatePartitionsRequest; response: CreatePartitionsResponse }
  42: { request: DeleteGroupsRequest; response: DeleteGroupsResponse }
  44: { request: IncrementalAlterConfigsRequest; response: IncrementalAlterConfigsResponse }
  47: { request: OffsetDeleteRequest; response: OffsetDeleteResponse }
  60: { request: DescribeClusterRequest; response: DescribeClusterResponse }
  61: { request: DescribeProducersRequest; response: DescribeProducersResponse }
  65: { request: DescribeTransactionsRequest; response: DescribeTransactionsResponse }
  66: { request: ListTransactionsRequest; response: ListTransactionsResponse }
  75: { request: DescribeTopicPartitionsRequest; response: DescribeTopicPartitionsResponse }
  35: { request: DescribeLogDirsRequest; response: DescribeLogDirsResponse }
  74: { request: ListConfigResourcesRequest; response: ListConfigResourcesResponse }
}

export const apiSchemas: readonly ApiSchema[] = [
  produceSchema,
  fetchSchema,
  listOffsetsSchema,
  metadataSchema,
  offsetCommitSchema,
  offsetFetchSchema,
  findCoordinatorSchema,
  joinGroupSchema,
  heartbeatSchema,
  leaveGroupSchema,
  syncGroupSchema,
  describeGroupsSchema,
  listGroupsSchema,
  saslHandshakeSchema,
  apiVersionsSchema,
  createTopicsSchema,
  deleteTopicsSchema,
  deleteRecordsSchema,
  initProducerIdSchema,
  offsetForLeaderEpochSchema,
  addPartitionsToTxnSchema,
  addOffsetsToTxnSchema,
  endTxnSchema,
  txnOffsetCommitSchema,
  describeConfigsSchema,
  alterConfigsSchema,
  saslAuthenticateSchema,
  createPartitionsSchema,
  deleteGroupsSchema,
  incrementalAlterConfigsSchema,
  offsetDeleteSchema,
  describeClusterSchema,
  describeProducersSchema,
  describeTransactionsSchema,
  listTransactionsSchema,
  describeTopicPartitionsSchema,
  describeLogDirsSchema,
  listConfigResourcesSchema,
]
