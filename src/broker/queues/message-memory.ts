/**
 * The one budget for message bytes in memory. Queues ask before they keep a message they could also leave on disk;
 * what is on its way to a client counts too. Shared by all queues, so that RAM does not follow their number.
 */
export class MessageMemory {
  readonly limitBytes: number
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get full(): boolean {
    return this.#usedBytes >= this.limitBytes
  }

  take(bytes: number): void {
    this.#usedBytes += bytes
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes
  }
}
