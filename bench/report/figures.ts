/** Numbers as a reader wants them: with their unit's precision, and judged against the goal of their row. */
import { summaryOf } from './statistics.ts'

export type Unit = 'msg/s' | 'MB/s' | 'ms' | 'MB'

/** DESIGN's figures: what has to be reached, and what would be splendid. */
export type Goal =
  | { readonly kind: 'ratio-at-least'; readonly reach: number; readonly moonshot: number }
  | { readonly kind: 'ratio-at-most'; readonly reach: number; readonly moonshot: number }
  | { readonly kind: 'value-at-most'; readonly reach: number; readonly moonshot: number }

export type Verdict = 'moonshot' | 'reached' | 'missed'

/** Large numbers whole with commas, small ones with three digits that mean something. */
export function shownNumber(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** `median (min to max)`; one value alone stands alone. */
export function shownValues(values: readonly number[]): string {
  const { median, min, max } = summaryOf(values)
  const range = values.length > 1 ? ` (${shownNumber(min)} to ${shownNumber(max)})` : ''
  return `**${shownNumber(median)}**${range}`
}

export function shownRatio(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}x`
}

export function shownGoal(goal: Goal, unit: Unit): string {
  if (goal.kind === 'value-at-most') return `<= ${shownNumber(goal.reach)} ${unit}`
  return `${goal.kind === 'ratio-at-least' ? '>=' : '<='} ${goal.reach}x`
}

/** `measured` is a ratio or a value, as the goal says. */
export function judge(goal: Goal, measured: number): Verdict {
  const reaches = (limit: number): boolean => (goal.kind === 'ratio-at-least' ? measured >= limit : measured <= limit)
  if (reaches(goal.moonshot)) return 'moonshot'
  return reaches(goal.reach) ? 'reached' : 'missed'
}
