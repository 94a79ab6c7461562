/** Who waits for room in one full queue. Each is told once, and asks again if it is full again by then. */
import type { RoomListener } from './queue-deps.ts'

export class RoomListeners {
  #waiting = new Set<RoomListener>()

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  add(listener: RoomListener): void {
    this.#waiting.add(listener)
  }

  /** One that is gone itself: a queue may stay full for ever. */
  remove(listener: RoomListener): void {
    this.#waiting.delete(listener)
  }

  tell(queueName: string): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const listener of waiting) listener.roomIn(queueName)
  }
}
