/** Numbers for queues, never given twice (`id-blocks.ts`). */
import type { MetaStore } from '../../storage/contract.ts'
import { IdBlocks } from '../id-blocks.ts'
import { QUEUE_IDS_KEY } from './records.ts'

const BLOCK = 256

export class QueueIds {
  readonly #blocks: IdBlocks

  constructor(meta: MetaStore) {
    this.#blocks = new IdBlocks(meta, QUEUE_IDS_KEY, BLOCK)
  }

  /** @throws {StorageError} */
  next(): Promise<number> {
    return this.#blocks.next()
  }
}
