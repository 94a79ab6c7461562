/**
 * What a partition must let go of, by age and by size: whole segments from the old end on, never what is not durable.
 * The segment that still grows goes only when all of it is too old, as if it had just been closed.
 */
import type { Segment } from './segments.ts'
import type { KeepingRules } from './stream-settings.ts'

export interface Retained {
  readonly highWatermark: number
  readonly state: { readonly nextOffset: number; readonly segments: { all: readonly Segment[]; sizeBytes: number } }
}

/** Everything below this offset is to go. 0 when nothing is. */
export function retainedFrom({ highWatermark, state }: Retained, rules: KeepingRules, nowMs: number): number {
  if (!rules.deletes) return 0
  const { all } = state.segments
  let leftBytes = state.segments.sizeBytes
  let from = 0
  for (let index = 0; index < all.length; index++) {
    const segment = all[index] as Segment
    const endOffset = all[index + 1]?.baseOffset ?? state.nextOffset
    const isActive = index === all.length - 1
    const isOld = segment.maxTimestampMs + rules.retentionMs < nowMs
    const isTooMuch = !isActive && leftBytes - segment.sizeBytes >= rules.retentionBytes
    if (endOffset > highWatermark || !(isOld || isTooMuch)) break
    leftBytes -= segment.sizeBytes
    from = endOffset
  }
  return from
}
