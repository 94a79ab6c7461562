/**
 * Numbers never given twice, whatever restarts and whoever else gives some out: a broker reserves them in blocks with
 * compare-and-set, and what is left of a block at its end is lost. The metadata holds, under a key, the first number not
 * yet given to any broker. They begin at 1.
 */
import { invariant, StorageError } from '../base/errors.ts'
import type { MetaStore } from '../storage/contract.ts'

export class IdBlocks {
  readonly #meta: MetaStore
  readonly #key: string
  readonly #blockSize: number
  #next = 0
  #end = 0
  #reserving: Promise<void> | undefined

  constructor(meta: MetaStore, key: string, blockSize: number) {
    this.#meta = meta
    this.#key = key
    this.#blockSize = blockSize
  }

  /** @throws {StorageError} */
  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#reserving ??= this.#reserve().finally(() => {
        this.#reserving = undefined
      })
      await this.#reserving
    }
    return this.#next++
  }

  async #reserve(): Promise<void> {
    for (;;) {
      const entry = this.#meta.get(this.#key)
      const first = entry === undefined ? 1 : Number(entry.value)
      invariant(Number.isSafeInteger(first) && first > 0, `metadata ${this.#key} holds ${entry?.value}`)
      try {
        await this.#meta.put(this.#key, String(first + this.#blockSize), entry?.revision ?? 0)
      } catch (error) {
        if (!isConflict(error)) throw error
        await overtaken(this.#meta, this.#key, entry?.revision)
        continue
      }
      this.#next = first
      this.#end = first + this.#blockSize
      return
    }
  }
}

/** After a lost compare-and-set: resolves when the view shows the change that won. */
export async function overtaken(meta: MetaStore, key: string, revision: number | undefined): Promise<void> {
  if (meta.get(key)?.revision !== revision) return
  await new Promise<void>((resolve) => {
    const stop = meta.watch(key, (change) => {
      if ((change.kind === 'put' ? change.entry.key : change.key) !== key) return
      stop()
      resolve()
    })
  })
}

export function isConflict(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'conflict'
}
