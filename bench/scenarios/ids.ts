/** The names of all rows, in the order in which they are shown. Letters: DESIGN figures. Words: for insight, on request. */
export const DEFAULT_IDS: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

export const INSIGHT_IDS: readonly string[] = [
  'b-acks',
  'kib1',
  'kib16',
  'ten',
  'fanout',
  'quorum',
  'lazy',
  'classic-v2',
  'drain',
]

export const ALL_IDS: readonly string[] = [...DEFAULT_IDS, ...INSIGHT_IDS]
