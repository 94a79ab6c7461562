/**
 * Order among changes that take time. Work names the keys it changes and the keys it relies on; it starts when all
 * earlier work that clashes has ended (two may rely on one key together, all else takes turns), so work on different
 * things shares one flush. First come, first served: nobody can be overtaken for ever. Keys are taken all at once and
 * never inside other work, so there is no deadlock.
 */
import type { BindingSpec } from '../session.ts'
import type { DestinationKind } from './records.ts'

interface Line {
  /** The last work that changes this key, while it is not done. */
  changing: Promise<void> | undefined
  /** Work that came after it and relies on the key. */
  readonly relying: Set<Promise<void>>
}

export class Turns {
  readonly #lines = new Map<string, Line>()

  async run<T>(changes: readonly string[], reliesOn: readonly string[], work: () => T | Promise<T>): Promise<T> {
    let end: () => void = () => {}
    const done = new Promise<void>((resolve) => {
      end = resolve
    })
    const before: Promise<void>[] = []
    for (const key of reliesOn) {
      const line = this.#line(key)
      if (line.changing !== undefined) before.push(line.changing)
      line.relying.add(done)
    }
    for (const key of changes) {
      const line = this.#line(key)
      if (line.changing !== undefined) before.push(line.changing)
      before.push(...line.relying)
      line.relying.clear()
      line.changing = done
    }
    try {
      if (before.length > 0) await Promise.all(before)
      return await work()
    } finally {
      for (const key of [...changes, ...reliesOn]) this.#leave(key, done)
      end()
    }
  }

  /** Everything begun so far has ended. */
  async idle(): Promise<void> {
    const all = [...this.#lines.values()]
    await Promise.all(all.flatMap((line) => [...line.relying, ...(line.changing === undefined ? [] : [line.changing])]))
  }

  get keyCount(): number {
    return this.#lines.size
  }

  #line(key: string): Line {
    let line = this.#lines.get(key)
    if (line === undefined) {
      line = { changing: undefined, relying: new Set() }
      this.#lines.set(key, line)
    }
    return line
  }

  #leave(key: string, done: Promise<void>): void {
    const line = this.#lines.get(key)
    if (line === undefined) return
    line.relying.delete(done)
    if (line.changing === done) line.changing = undefined
    if (line.changing === undefined && line.relying.size === 0) this.#lines.delete(key)
  }
}

/** What a change of a binding relies on: its two ends, by key. */
export function turnKeys(kind: DestinationKind, spec: BindingSpec): string[] {
  const source = `x:${spec.source}`
  const destination = `${kind === 'queue' ? 'q' : 'x'}:${spec.destination}`
  return source === destination ? [source] : [source, destination]
}
