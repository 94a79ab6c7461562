/**
 * Writes that survive a full disk: what does not fit is tried again, from its beginning, until it does or the writer is
 * told to give up. Every other failure is final: after a failed write or flush nobody can know what is on the disk.
 */
import type { Clock, Timer } from '../../../base/clock.ts'
import { StorageError } from '../../../base/errors.ts'
import type { OpenFile } from './files.ts'
import { isDiskFull, worldError } from './world-error.ts'
import { writeWhole } from './write-whole.ts'

export class PatientWriter {
  readonly #clock: Clock
  readonly #retryMs: number
  readonly #onStall: (stalled: StorageError | undefined) => void
  #stalled: StorageError | undefined
  #aborted: StorageError | undefined
  #timer: Timer | undefined
  #resume: (() => void) | undefined

  constructor(clock: Clock, retryMs: number, onStall: (stalled: StorageError | undefined) => void) {
    this.#clock = clock
    this.#retryMs = retryMs
    this.#onStall = onStall
  }

  get stalled(): StorageError | undefined {
    return this.#stalled
  }

  /** @throws {StorageError} 'write-failed', or what `abort` was told */
  async write(file: OpenFile, buffers: readonly Buffer[], position: number): Promise<void> {
    for (;;) {
      if (this.#aborted) throw this.#aborted
      try {
        await writeWhole(file, buffers, position)
        break
      } catch (error) {
        if (!isDiskFull(error)) {
          const reason = error instanceof Error ? error.message : String(error)
          throw new StorageError('write-failed', `cannot write ${file.path}: ${reason}`, { cause: error })
        }
        if (this.#aborted) throw this.#aborted
        if (this.#stalled === undefined) this.#setStalled(worldError(error, `write ${file.path}`))
      }
      await this.#pause()
    }
    if (this.#stalled !== undefined) this.#setStalled(undefined)
  }

  #setStalled(stalled: StorageError | undefined): void {
    this.#stalled = stalled
    this.#onStall(stalled)
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve
      if (this.#aborted) return resolve()
      this.#timer = this.#clock.after(this.#retryMs, resolve)
    })
  }

  /** Whatever waits for room stops waiting and fails with `reason`. */
  abort(reason: StorageError): void {
    this.#aborted ??= reason
    this.#timer?.cancel()
    this.#resume?.()
  }
}
