/** The id that a storage gives to the cluster it belongs to: made once, kept with the definitions, never changed. */
import { type Random, uniqueSuffix } from '../base/random.ts'
import type { MetaStore } from '../storage/contract.ts'

const KEY = 'cluster-id'

/** @throws {StorageError} when a new one cannot be kept */
export async function clusterIdOf(meta: MetaStore, random: Random): Promise<string> {
  const known = meta.get(KEY)
  if (known !== undefined) return JSON.parse(known.value) as string
  const id = uniqueSuffix(random)
  await meta.put(KEY, JSON.stringify(id), 0)
  return id
}
