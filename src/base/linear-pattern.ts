/**
 * Regular expressions from strangers. A backtracking matcher can be made to think for years about forty letters; this one
 * follows all ways at once, so that its time is the text's length times the pattern's, whatever the pattern. The syntax
 * is the plain part of RE2's: literals, `.`, classes, groups, `|`, `* + ? {m,n}` (greedy or not is the same to us),
 * `^ $ \b \B`, `\d \w \s` and their opposites, escapes, `(?i)` and `(?s)` at the start. No back references, no look-around,
 * no names of scripts. It says whether a whole text matches, nothing else.
 */
import { parsePattern, type Step } from './linear-pattern-parser.ts'

export class LinearPattern {
  readonly #steps: readonly Step[]
  /** For each step, the last round in which it was reached. */
  readonly #reached: Float64Array
  #round = 0

  /** @throws {SyntaxError} for what is no pattern, not supported, or too large */
  constructor(pattern: string) {
    this.#steps = parsePattern(pattern)
    this.#reached = new Float64Array(this.#steps.length)
  }

  matchesWhole(text: string): boolean {
    const codes = Array.from(text, (character) => character.codePointAt(0) as number)
    let now: number[] = []
    this.#round++
    this.#follow(0, now, codes, 0)
    for (let at = 0; at < codes.length; at++) {
      if (now.length === 0) return false
      const next: number[] = []
      this.#round++
      for (const place of now) {
        const step = this.#steps[place] as Step
        if (step.kind === 'take' && step.takes(codes[at] as number)) this.#follow(place + 1, next, codes, at + 1)
      }
      now = next
    }
    return now.some((place) => this.#steps[place]?.kind === 'done')
  }

  /** Goes on from a step to all that take a character, without taking one. */
  #follow(from: number, into: number[], codes: readonly number[], at: number): void {
    const ahead = [from]
    for (let place = ahead.pop(); place !== undefined; place = ahead.pop()) {
      if (this.#reached[place] === this.#round) continue
      this.#reached[place] = this.#round
      const step = this.#steps[place] as Step
      if (step.kind === 'fork') ahead.push(...step.to)
      else if (step.kind === 'check') {
        if (step.holds(codes, at)) ahead.push(place + 1)
      } else into.push(place)
    }
  }
}
