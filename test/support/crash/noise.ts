/** Bytes thrown at a broker, many connections at a time, each drawn from a seed that a failure names. */
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { Attacker, within } from './attacker.ts'
import { conversation, spoiled } from './conversation.ts'

const CLOSE_MS_MAX = 5000
const AT_ONCE = 16

/** Sends it all, in pieces of any size, ends our side, and waits for the broker to end its own. */
export async function sendAndLeave(port: number, bytes: Buffer, random: Random, name: string): Promise<void> {
  const attacker = await Attacker.connect(port)
  for (let at = 0; at < bytes.length && !attacker.socket.destroyed; ) {
    const end = at + 1 + random.below(random.below(3) === 0 ? 50 : 20_000)
    attacker.socket.write(bytes.subarray(at, end))
    at = end
  }
  attacker.socket.end()
  await within(CLOSE_MS_MAX, name, attacker.closed)
}

/** Seeds from `first` on, a few at a time. */
export async function forSeeds(count: number, act: (seed: number) => Promise<void>, first = 1): Promise<void> {
  let next = first
  const lane = async (): Promise<void> => {
    while (next < first + count) await act(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

/** Whole conversations with something wrong in them. */
export async function sendSpoiled(port: number, count: number, firstSeed = 1): Promise<void> {
  const send = async (seed: number): Promise<void> => {
    const random = seededRandom(seed)
    await sendAndLeave(port, spoiled(conversation(seed), random), random, `spoiled conversation, seed ${seed}`)
  }
  await forSeeds(count, send, firstSeed)
}
