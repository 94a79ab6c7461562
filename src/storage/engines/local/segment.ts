/**
 * One file of the journal. Groups are planned into it (their place is decided when the group begins), then written, then
 * committed; readers see only what is committed. A segment is dropped by the reclaimer and stays open until its last
 * reader is done.
 */
import type { OpenFile } from './files.ts'
import { FILE_HEADER_BYTES } from './format.ts'
import type { Slice } from './slice.ts'

export class Segment {
  readonly number: number
  readonly salt: number
  readonly file: OpenFile
  /** Space whose blocks exist already, so that a flush need not touch the file's metadata; 0 for none. */
  readonly preparedBytes: number
  /** Where the next group will stand. */
  plannedEnd = FILE_HEADER_BYTES
  committedEnd = FILE_HEADER_BYTES
  /** What the logs have in here, in the order in which they first appeared. */
  slices: Slice[] = []
  /** How many logs would be replayed from somewhere in here on. At 0 nothing in here is needed for a replay. */
  startCount = 0
  #readerCount = 0
  #onIdle: (() => void) | undefined

  constructor(number: number, salt: number, file: OpenFile, preparedBytes: number) {
    this.number = number
    this.salt = salt
    this.file = file
    this.preparedBytes = preparedBytes
  }

  get path(): string {
    return this.file.path
  }

  get isRead(): boolean {
    return this.#readerCount > 0
  }

  acquire(): void {
    this.#readerCount++
  }

  release(): void {
    this.#readerCount--
    if (this.#readerCount === 0) this.#onIdle?.()
  }

  /** Closes the file once nobody reads it. */
  async close(): Promise<void> {
    if (this.#readerCount > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await this.file.close()
  }
}
