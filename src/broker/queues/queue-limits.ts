/** How much a queue holds, and how that stands to its limits: x-max-length and x-max-length-bytes. Only ready messages count. */

import type { QueueSettings } from './queue-definition.ts'

/** Counts over all lanes of a queue, kept as messages move so that nobody has to count. */
export interface QueueTally {
  readyCount: number
  readyBytes: number
  outCount: number
  outBytes: number
}

/** At a limit: the next message would be one too many. */
export function isFull({ maxLength, maxLengthBytes }: QueueSettings, tally: QueueTally): boolean {
  if (maxLength !== undefined && tally.readyCount >= maxLength) return true
  return maxLengthBytes !== undefined && tally.readyBytes >= maxLengthBytes
}

/** With one message more of this size something would have to go. */
export function wouldOverflow({ maxLength, maxLengthBytes }: QueueSettings, tally: QueueTally, bytes: number): boolean {
  if (maxLength !== undefined && tally.readyCount >= maxLength) return true
  return maxLengthBytes !== undefined && tally.readyBytes + bytes > maxLengthBytes
}

/** Beyond a limit: something must go. */
export function isOverfull({ maxLength, maxLengthBytes }: QueueSettings, tally: QueueTally): boolean {
  if (maxLength !== undefined && tally.readyCount > maxLength) return true
  return maxLengthBytes !== undefined && tally.readyBytes > maxLengthBytes
}
