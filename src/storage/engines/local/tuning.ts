/** The sizes of the local engine in one place: fixed in a running broker, small in tests. */
export interface LocalTuning {
  /** A journal segment is left for the next one around this size. */
  readonly segmentBytes: number
  /** So many full segments make the journal's window: what is settled within it is written only once. */
  readonly windowSegments: number
  /** A group beyond this is closed and the next one begins, so that places in a segment fit 32 bits. */
  readonly groupBytes: number
  /** Payloads from here on are written from where they lie; smaller ones are copied. */
  readonly referenceBytesMin: number
  /** Live data gathered into one run at most (one larger record makes one larger run). */
  readonly runBytes: number
  /**
   * A segment is copied in pieces of at most this size: larger ones make fewer, larger extents, and take more memory while
   * a backlog grows.
   */
  readonly copyBytes: number
  /** A run with less than this share alive is rewritten. */
  readonly sparseShare: number
  /** How often a full disk is tried again. */
  readonly retryMs: number
  /** The metadata file is rewritten above this size when most of it is history. */
  readonly metaBytesMin: number
  /** Run files held open for reading. */
  readonly openRunsMax: number
}

const MiB = 1024 * 1024

export const defaultTuning: LocalTuning = {
  segmentBytes: 16 * MiB,
  windowSegments: 8,
  groupBytes: 64 * MiB,
  referenceBytesMin: 32 * 1024,
  runBytes: 16 * MiB,
  copyBytes: 24 * MiB,
  sparseShare: 0.3,
  retryMs: 1000,
  metaBytesMin: MiB,
  openRunsMax: 64,
}
