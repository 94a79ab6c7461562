/** A few numbers of one kind, said in three: nothing here knows what they measure. */
import { invariant } from '../../src/base/errors.ts'

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function summaryOf(values: readonly number[]): Summary {
  invariant(values.length > 0, 'nothing was measured')
  const sorted = [...values].sort((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]!
  const median = sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}
