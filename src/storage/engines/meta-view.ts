/**
 * What every engine's metadata has in common: the visible state, the watchers, and compare-and-set against everything
 * accepted so far. An engine calls `accept` when a write comes in, makes the change durable in that order, and then
 * calls `apply`. This file neither writes nor waits.
 */
import { invariant, StorageError } from '../../base/errors.ts'
import type { MetaChange, MetaEntry } from '../contract.ts'

interface Watcher {
  readonly prefix: string
  readonly fn: (change: MetaChange) => void
}

export const keyOf = (change: MetaChange): string => (change.kind === 'put' ? change.entry.key : change.key)
export const revisionOf = (change: MetaChange): number =>
  change.kind === 'put' ? change.entry.revision : change.revision

export class MetaView {
  #entries = new Map<string, MetaEntry>()
  /** Built when first listed, dropped when a key comes or goes. */
  #sortedKeys: string[] | undefined
  /** Keys with accepted, not yet applied changes: the revision they will have, 0 for "gone". */
  #accepted = new Map<string, { revision: number; current: number }>()
  #lastRevision = 0
  #appliedRevision = 0
  #watchers: Watcher[] = []

  get appliedRevision(): number {
    return this.#appliedRevision
  }

  /** For what is read back: revisions never repeat, even if the newest keys are gone. */
  raiseRevision(revision: number): void {
    this.#lastRevision = Math.max(this.#lastRevision, revision)
    this.#appliedRevision = Math.max(this.#appliedRevision, revision)
  }

  get(key: string): MetaEntry | undefined {
    return this.#entries.get(key)
  }

  list(prefix: string): MetaEntry[] {
    this.#sortedKeys ??= [...this.#entries.keys()].sort()
    const keys = this.#sortedKeys
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] as string) < prefix) low = middle + 1
      else high = middle
    }
    const found: MetaEntry[] = []
    for (; low < keys.length && (keys[low] as string).startsWith(prefix); low++) {
      found.push(this.#entries.get(keys[low] as string) as MetaEntry)
    }
    return found
  }

  entries(): Iterable<MetaEntry> {
    return this.#entries.values()
  }

  /** @throws {StorageError} 'conflict' */
  acceptPut(key: string, value: string, expectedRevision: number | undefined): MetaChange {
    const current = this.#currentRevision(key)
    if (expectedRevision !== undefined && expectedRevision !== current) throw conflict(key, expectedRevision, current)
    const revision = ++this.#lastRevision
    this.#accepted.set(key, { revision, current: revision })
    return { kind: 'put', entry: { key, value, revision } }
  }

  /**
   * `undefined`: there is nothing to delete, and nothing on its way either.
   * @throws {StorageError} 'conflict'
   */
  acceptDelete(key: string, expectedRevision: number | undefined): MetaChange | undefined {
    const current = this.#currentRevision(key)
    if (current === 0) return undefined
    if (expectedRevision !== undefined && expectedRevision !== current) throw conflict(key, expectedRevision, current)
    const revision = ++this.#lastRevision
    this.#accepted.set(key, { revision, current: 0 })
    return { kind: 'delete', key, revision }
  }

  #currentRevision(key: string): number {
    const accepted = this.#accepted.get(key)
    return accepted === undefined ? (this.#entries.get(key)?.revision ?? 0) : accepted.current
  }

  /** Makes a durable change visible and tells the watchers. */
  apply(change: MetaChange): void {
    const key = keyOf(change)
    const revision = revisionOf(change)
    invariant(revision > this.#appliedRevision, `metadata revision ${revision} after ${this.#appliedRevision}`)
    this.raiseRevision(revision)
    if (this.#accepted.get(key)?.revision === revision) this.#accepted.delete(key)
    if (change.kind === 'put') {
      if (!this.#entries.has(key)) this.#sortedKeys = undefined
      this.#entries.set(key, change.entry)
    } else if (this.#entries.delete(key)) {
      this.#sortedKeys = undefined
    }
    for (const watcher of [...this.#watchers]) {
      if (key.startsWith(watcher.prefix) && this.#watchers.includes(watcher)) watcher.fn(change)
    }
  }

  watch(prefix: string, fn: (change: MetaChange) => void): () => void {
    const watcher: Watcher = { prefix, fn }
    this.#watchers.push(watcher)
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher)
    }
  }
}

function conflict(key: string, expected: number, current: number): StorageError {
  const found = current === 0 ? 'does not exist' : `is at revision ${current}`
  const wanted = expected === 0 ? 'it must not exist' : `revision ${expected} was expected`
  return new StorageError('conflict', `metadata "${key}" ${found}, but ${wanted}`)
}
