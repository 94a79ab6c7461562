/**
 * The lanes of one queue, by priority: one for a queue without priorities, else one for each priority that was ever
 * used. Lane `p` writes to log `id * LANES_PER_QUEUE + p`.
 */
import type { Message } from '../../message/message.ts'
import { Lane } from './lane.ts'
import type { LaneHost } from './lane-host.ts'
import { LANES_PER_QUEUE, type QueueDefinition } from './queue-definition.ts'
import type { QueueDeps } from './queue-deps.ts'
import type { QueueEntry } from './queue-entry.ts'

export class QueueLanes {
  readonly #definition: QueueDefinition
  readonly #host: LaneHost
  readonly #deps: QueueDeps
  readonly #byLevel: (Lane | undefined)[] = []

  constructor(definition: QueueDefinition, host: LaneHost, deps: QueueDeps) {
    this.#definition = definition
    this.#host = host
    this.#deps = deps
  }

  /** Where a message of this priority queues up. */
  for(message: Message): Lane {
    const { maxPriority } = this.#definition.settings
    return this.at(maxPriority === 0 ? 0 : Math.min(Math.max(message.priority, 0), maxPriority))
  }

  of(entry: QueueEntry): Lane {
    return this.#byLevel[entry.level] as Lane
  }

  ofLog(log: number): Lane {
    return this.at(log % LANES_PER_QUEUE)
  }

  at(level: number): Lane {
    return this.#byLevel[level] ?? this.#open(level)
  }

  #open(level: number): Lane {
    const { shard, memory, formats } = this.#deps
    const lane = new Lane(this.#definition.id * LANES_PER_QUEUE + level, this.#host, shard, memory, formats)
    this.#byLevel[level] = lane
    return lane
  }

  /** The lane whose message leaves next: of the highest priority. */
  front(): Lane | undefined {
    for (let level = this.#byLevel.length - 1; level >= 0; level--) {
      const lane = this.#byLevel[level]
      if (lane !== undefined && lane.readyCount > 0) return lane
    }
    return undefined
  }

  /** The lane whose message is worth least: of the lowest priority. */
  back(): Lane | undefined {
    return this.#byLevel.find((lane) => lane !== undefined && lane.readyCount > 0)
  }

  /** Those that were ever used. */
  all(): Lane[] {
    return this.#byLevel.filter((lane) => lane !== undefined)
  }
}
