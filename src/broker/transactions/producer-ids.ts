/**
 * Ids of producers, never given twice, whatever restarts and whoever else gives some out. The metadata holds
 *
 *     producer-ids     the first id not yet given to any broker
 */
import type { MetaStore } from '../../storage/contract.ts'
import { IdBlocks } from '../id-blocks.ts'

export const PRODUCER_IDS_KEY = 'producer-ids'
const BLOCK = 1000

export function producerIds(meta: MetaStore): IdBlocks {
  return new IdBlocks(meta, PRODUCER_IDS_KEY, BLOCK)
}
