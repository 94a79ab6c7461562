/** The streams of a broker, by vhost, name and id; filled as the topology makes and ends them. */
import type { Stream } from './stream.ts'

export class StreamTable {
  readonly #byVhost = new Map<string, Map<string, Stream>>()
  readonly #byId = new Map<string, Stream>()

  add(stream: Stream): void {
    const { vhost, name } = stream.definition
    this.of(vhost).set(name, stream)
    this.#byId.set(idKey(vhost, stream.stream.id), stream)
  }

  remove(stream: Stream): void {
    const { vhost, name } = stream.definition
    const named = this.of(vhost)
    if (named.get(name) === stream) named.delete(name)
    this.#byId.delete(idKey(vhost, stream.stream.id))
  }

  /** By name. */
  of(vhost: string): Map<string, Stream> {
    let named = this.#byVhost.get(vhost)
    if (named === undefined) {
      named = new Map()
      this.#byVhost.set(vhost, named)
    }
    return named
  }

  byId(vhost: string, id: Buffer): Stream | undefined {
    return this.#byId.get(idKey(vhost, id))
  }

  get isEmpty(): boolean {
    return this.#byId.size === 0
  }

  *all(): IterableIterator<Stream> {
    for (const named of this.#byVhost.values()) yield* named.values()
  }
}

function idKey(vhost: string, id: Buffer): string {
  return `${id.toString('hex')} ${vhost}`
}
