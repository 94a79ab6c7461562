/**
 * From publish to deliver: the publisher put the time into the body's first octets (a double, milliseconds of this very
 * process's monotonic clock), so publisher and consumer must run in one process.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

export interface Latency {
  readonly count: number
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
}

export class LatencyRecorder {
  readonly #histogram: RecordableHistogram = createHistogram({ figures: 3 })
  #isRecording = false
  /** One look at the clock for all messages of a chunk: they became readable together. */
  #nowMs = 0

  /** What arrived before is warm-up and does not count. */
  begin(): void {
    this.#isRecording = true
  }

  end(): void {
    this.#isRecording = false
  }

  arrived(buffer: Buffer, bodyStart: number): void {
    if (!this.#isRecording) return
    if (this.#nowMs === 0) this.#nowMs = performance.now()
    const underWayUs = (this.#nowMs - buffer.readDoubleBE(bodyStart)) * 1000
    this.#histogram.record(Math.max(1, Math.round(underWayUs)))
  }

  chunkEnd(): void {
    this.#nowMs = 0
  }

  result(): Latency {
    return {
      count: this.#histogram.count,
      p50Us: this.#histogram.percentile(50),
      p99Us: this.#histogram.percentile(99),
      p999Us: this.#histogram.percentile(99.9),
      maxUs: this.#histogram.max,
    }
  }
}
