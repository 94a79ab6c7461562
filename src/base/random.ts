/** Chance as an argument: tests hand in a seeded source. */
import { randomBytes } from 'node:crypto'

export interface Random {
  /** Uniform integer in [0, limit). */
  below(limit: number): number
  /** Unpredictable bytes, for names and tokens that must not be guessed. */
  bytes(count: number): Buffer
}

export const systemRandom: Random = {
  below: (limit) => Math.floor(Math.random() * limit),
  bytes: (count) => randomBytes(count),
}

/** Deterministic source for tests (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    below: (limit) => Math.floor((next() / 2 ** 32) * limit),
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => next() & 0xff)),
  }
}

/** 22 characters of base64url, as RabbitMQ puts behind `amq.gen-` and `amq.ctag-`. */
export function uniqueSuffix(random: Random): string {
  return random.bytes(16).toString('base64url')
}
