/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DescribableLogDirTopic {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface DescribeLogDirsRequest {
  readonly topics: readonly DescribableLogDirTopic[] | null
}

export interface DescribeLogDirsPartition {
  partitionIndex: number
  partitionSize: number
  offsetLag: number
  isFutureKey: boolean
}

export interface DescribeLogDirsTopic {
  name: string
  partitions: readonly DescribeLogDirsPartition[]
}

export interface DescribeLogDirsResult {
  errorCode: number
  logDir: string
  topics: readonly DescribeLogDirsTopic[]
  /** Versions 4+. */
  totalBytes?: number | undefined
  /** Versions 4+. */
  usableBytes?: number | undefined
  /** Versions 5+. */
  isCordoned?: boolean | undefined
}

export interface DescribeLogDirsResponse {
  throttleTimeMs: number
  /** Versions 3+. */
  errorCode?: number | undefined
  results: readonly DescribeLogDirsResult[]
}

export const describeLogDirsSchema: ApiSchema = {
  key: 35,
  name: 'DescribeLogDirs',
  versionMin: 1,
  versionMax: 5,
  flexibleFrom: 2,
  request: `
topics []DescribableLogDirTopic?
  topic string
  partitions []int32
`,
  response: `
throttleTimeMs int32
errorCode int16 3+ ignorable
results []DescribeLogDirsResult
  errorCode int16
  logDir string
  topics []DescribeLogDirsTopic
    name string
    partitions []DescribeLogDirsPartition
      partitionIndex int32
      partitionSize int64
      offsetLag int64
      isFutureKey bool
  totalBytes int64 4+ = -1 ignorable
  usableBytes int64 4+ = -1 ignorable
  isCordoned bool 5+ ignorable
`,
}
