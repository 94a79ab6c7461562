/** For tests of transactions: a producer with a transactional id on a bench of streams, and what readers see. */
import { plainBatches, valuesOf } from '../../../test/support/broker/plain-batches.ts'
import type { StreamBench } from '../../../test/support/broker/stream-bench.ts'
import type { PartitionOffset } from '../groups/group-door.ts'
import type { AbortedTransaction, AppendResult } from '../streams/stream-door.ts'
import type {
  OpenRequest,
  ProducerAnswer,
  ProducerClaim,
  ProducerIdentity,
  TransactionOutcome,
  Transactions,
} from './transaction-door.ts'

export const MINUTE = 60_000

export class TestProducer {
  readonly bench: StreamBench
  readonly transactionalId: string
  producerId = -1
  producerEpoch = -1
  /** By partition. */
  readonly #sequences = new Map<string, number>()

  constructor(bench: StreamBench, transactionalId: string) {
    this.bench = bench
    this.transactionalId = transactionalId
  }

  get transactions(): Transactions {
    return this.bench.session.transactions
  }

  get claim(): ProducerClaim {
    const { transactionalId, producerId, producerEpoch } = this
    return { transactionalId, producerId, producerEpoch }
  }

  get identity(): ProducerIdentity {
    return { producerId: this.producerId, producerEpoch: this.producerEpoch }
  }

  /** Another one that thinks to be the same. */
  copy(): TestProducer {
    const copy = new TestProducer(this.bench, this.transactionalId)
    copy.become(this.identity)
    return copy
  }

  become({ producerId, producerEpoch }: ProducerIdentity): void {
    this.producerId = producerId
    this.producerEpoch = producerEpoch
    this.#sequences.clear()
  }

  async open(request: Partial<OpenRequest> = {}): Promise<ProducerAnswer> {
    const { transactionalId } = this
    const answer = await this.transactions.open({ transactionalId, timeoutMs: MINUTE, expected: undefined, ...request })
    if (answer.kind === 'producer') this.become(answer)
    return answer
  }

  add(stream: string, ...partitions: number[]) {
    return this.transactions.addPartitions(this.claim, [{ stream, partitions }])
  }

  /** One transactional batch; not waited for. */
  write(stream: string, index: number, values: readonly string[]): AppendResult {
    const key = `${stream}-${index}`
    const sequence = this.#sequences.get(key) ?? 0
    const writer = { id: this.producerId, epoch: this.producerEpoch, sequence, transactional: true }
    const result = this.bench.appendNow(this.bench.partition(stream, index), values, writer)
    if (result.kind === 'appended') this.#sequences.set(key, sequence + values.length)
    return result
  }

  async addGroupAndStage(group: string, offset: number): Promise<void> {
    await this.transactions.addGroup(this.claim, group)
    await this.stage(group, offset)
  }

  /** As a consumer outside of any group would: no member, no generation. */
  stage(group: string, offset: number, addsGroup = false) {
    return this.transactions.stageOffsets({
      ...this.claim,
      addsGroup,
      request: { group, memberId: '', instanceId: undefined, generation: -1, offsets: [sourceOffset(offset)] },
    })
  }

  end(outcome: TransactionOutcome, renews = false): Promise<ProducerAnswer> {
    return this.transactions.end({ ...this.claim, outcome, renews })
  }
}

function sourceOffset(offset: number): PartitionOffset {
  return { stream: 'source', partition: 0, offset, leaderEpoch: -1, metadata: '' }
}

/** What the group has committed of `source`, partition 0; -1: nothing. */
export function committedOffset(bench: StreamBench, group: string): number {
  const [fetched] = bench.session.groups.fetchOffsets(group, [{ stream: 'source', partitions: [0] }])
  return fetched?.partitions[0]?.offset ?? -1
}

export function isUnstable(bench: StreamBench, group: string): boolean {
  const [fetched] = bench.session.groups.fetchOffsets(group, [{ stream: 'source', partitions: [0] }])
  return fetched?.partitions[0]?.isUnstable ?? false
}

/** What a client that reads committed records gives to its application: it drops aborted ones by the list it is given. */
export async function committedValues(bench: StreamBench, stream: string, index = 0): Promise<string[]> {
  const partition = bench.partition(stream, index)
  const { lastStableOffset } = partition
  const coming = [...partition.aborted(0, lastStableOffset)]
  const aborting = new Set<number>()
  const values: string[] = []
  for (let next = partition.startOffset; next < lastStableOffset; ) {
    for (const { baseOffset, count, bytes } of await partition.read(next, 1 << 20, 'committed')) {
      next = baseOffset + count
      const { producerId, isTransactional, marker } = plainBatches.facts(bytes)
      while (coming[0] !== undefined && coming[0].firstOffset <= baseOffset) {
        aborting.add((coming.shift() as AbortedTransaction).producerId)
      }
      if (marker !== 'none') aborting.delete(producerId)
      else if (!isTransactional || !aborting.has(producerId)) values.push(...valuesOf(bytes).map(String))
    }
  }
  return values
}
