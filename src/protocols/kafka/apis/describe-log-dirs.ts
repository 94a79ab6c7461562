/** DescribeLogDirs: how many bytes each partition keeps. There is one "directory", whatever the storage is made of. */
import type { StreamInfo } from '../../../broker/streams/stream-door.ts'
import type { Api, RequestContext } from '../api.ts'
import {
  type DescribeLogDirsPartition,
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponse,
  type DescribeLogDirsTopic,
  describeLogDirsSchema,
} from '../wire/schemas/describe-log-dirs.gen.ts'

/** Kafka has a path here; where the data lies is no business of clients. */
const LOG_DIR = 'busbar'

const UNKNOWN_BYTES = -1

export const describeLogDirs: Api<DescribeLogDirsRequest, DescribeLogDirsResponse> = {
  key: describeLogDirsSchema.key,
  versionMin: describeLogDirsSchema.versionMin,
  versionMax: describeLogDirsSchema.versionMax,
  handle,
}

function handle({ topics: asked }: DescribeLogDirsRequest, context: RequestContext): DescribeLogDirsResponse {
  const { streams } = context.session
  const topics: DescribeLogDirsTopic[] = []
  if (asked === null) {
    for (const stream of streams.list()) topics.push(sizes(stream, undefined, context))
  } else {
    for (const { topic, partitions } of asked) {
      const stream = streams.find(topic)
      // As Apache Kafka: what is not there is not in the answer.
      if (stream !== undefined) topics.push(sizes(stream, new Set(partitions), context))
    }
  }
  const result = { errorCode: 0, logDir: LOG_DIR, topics, totalBytes: UNKNOWN_BYTES, usableBytes: UNKNOWN_BYTES }
  return { throttleTimeMs: 0, errorCode: 0, results: [result] }
}

function sizes(
  { name, partitionCount }: StreamInfo,
  wanted: ReadonlySet<number> | undefined,
  { session }: RequestContext,
): DescribeLogDirsTopic {
  const partitions: DescribeLogDirsPartition[] = []
  for (let index = 0; index < partitionCount; index++) {
    const partition = session.streams.partition(name, index)
    if (partition === undefined || (wanted !== undefined && !wanted.has(index))) continue
    const partitionSize = Math.floor(partition.storedBytes)
    partitions.push({ partitionIndex: index, partitionSize, offsetLag: 0, isFutureKey: false })
  }
  return { name, partitions }
}
