/**
 * The bodies of test messages. A body says who sent it and when, and the rest of it follows from that: so a body that was
 * never published, or came back with one byte changed, is told by looking at it alone, with nothing kept per message.
 */

export type Stamp = {
  /** The number that the history gave to the publisher. */
  readonly publisher: number
  /** 1, 2, 3 ... per publisher, in the order of publishing. */
  readonly sequence: number
  readonly sentAtMs: number
  /** How long it must be held back; 0 for at once. */
  readonly delayMs: number
  readonly priority: number
}

const SIZE_SMALL_MAX = 200
const SIZE_MEDIUM = 4_000
/** More than one body frame, and more than one page or small buffer of anything. */
const SIZE_LARGE = 140_000

export function letterOf(stamp: Stamp): Buffer {
  const head = Buffer.from(
    `${stamp.publisher} ${stamp.sequence} ${stamp.sentAtMs} ${stamp.delayMs} ${stamp.priority}\n`,
    'latin1',
  )
  const mixed = mix(stamp.publisher, stamp.sequence)
  const pattern = Buffer.alloc(8)
  pattern.writeUInt32LE(mixed, 0)
  pattern.writeUInt32LE(Math.imul(mixed, 0x9e3779b1) >>> 0, 4)
  return Buffer.concat([head, Buffer.alloc(fillBytes(mixed), pattern)])
}

/** Undefined when these bytes are no letter, or not exactly the one they say they are. */
export function stampOf(body: Buffer): Stamp | undefined {
  const headEnd = body.indexOf(10)
  if (headEnd === -1 || headEnd > 100) return undefined
  const numbers = body.toString('latin1', 0, headEnd).split(' ').map(Number)
  const [publisher, sequence, sentAtMs, delayMs, priority] = numbers
  if (publisher === undefined || sequence === undefined || sentAtMs === undefined) return undefined
  if (delayMs === undefined || priority === undefined || numbers.some((number) => !Number.isSafeInteger(number)))
    return undefined
  const stamp = { publisher, sequence, sentAtMs, delayMs, priority }
  return letterOf(stamp).equals(body) ? stamp : undefined
}

function fillBytes(mixed: number): number {
  if (mixed % 250 === 0) return SIZE_LARGE
  if (mixed % 10 === 0) return SIZE_MEDIUM
  return (mixed >>> 8) % SIZE_SMALL_MAX
}

function mix(publisher: number, sequence: number): number {
  let mixed = Math.imul(publisher + 1, 0x85ebca6b) ^ Math.imul(sequence, 0xc2b2ae35)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
