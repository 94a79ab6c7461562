/**
 * From the text of a pattern (`linear-pattern.ts`) to the steps that match it:
 *
 *     a|b     fork ─► a, fork to the end ─► b
 *     a*      fork to a or behind it; a; fork back
 *     a{2,3}  a a fork to a or behind it; a
 */

export type Step =
  /** One character, then the next step. */
  | { readonly kind: 'take'; readonly takes: (code: number) => boolean }
  /** Any of these steps. */
  | { readonly kind: 'fork'; readonly to: readonly number[] }
  /** The next step, if this holds here. */
  | { readonly kind: 'check'; readonly holds: (codes: readonly number[], at: number) => boolean }
  | { readonly kind: 'done' }

/** Steps that do not know yet where they will stand: forks count from their own place. */
type Fragment = readonly Step[]
type Takes = (code: number) => boolean

const STEPS_MAX = 2000
const REPEATS_MAX = 1000
const DEPTH_MAX = 50
const NEWLINE = 10

const isDigit: Takes = (code) => code >= 48 && code <= 57
const isWord: Takes = (code) =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
const isSpace: Takes = (code) => code === 32 || (code >= 9 && code <= 13 && code !== 11)
const not =
  (takes: Takes): Takes =>
  (code) =>
    !takes(code)

const CLASSES: Readonly<Record<string, Takes>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: not(isDigit),
  W: not(isWord),
  S: not(isSpace),
}
const CONTROLS: Readonly<Record<string, number>> = { a: 7, t: 9, n: 10, v: 11, f: 12, r: 13 }

const isWordAt = (codes: readonly number[], at: number): boolean => at >= 0 && at < codes.length && isWord(codes[at]!)
const atBoundary = (codes: readonly number[], at: number): boolean => isWordAt(codes, at - 1) !== isWordAt(codes, at)

/** @throws {SyntaxError} */
export function parsePattern(pattern: string): Step[] {
  const fragment = new Parser(pattern).parse()
  const done: Step = { kind: 'done' }
  return [...fragment, done].map((step, place) =>
    step.kind === 'fork' ? { kind: 'fork', to: step.to.map((distance) => place + distance) } : step,
  )
}

class Parser {
  readonly #characters: readonly string[]
  #at = 0
  #depth = 0
  #ignoresCase = false
  #dotTakesAll = false

  constructor(pattern: string) {
    this.#characters = Array.from(pattern)
    const flags = /^\(\?([is]+)\)/.exec(pattern)
    if (flags === null) return
    this.#at = flags[0].length
    this.#ignoresCase = flags[1]?.includes('i') === true
    this.#dotTakesAll = flags[1]?.includes('s') === true
  }

  parse(): Fragment {
    const whole = this.#alternatives()
    if (this.#at < this.#characters.length) throw new SyntaxError('a ) that closes nothing')
    return whole
  }

  get #next(): string | undefined {
    return this.#characters[this.#at]
  }

  #skip(character: string): boolean {
    if (this.#next !== character) return false
    this.#at++
    return true
  }

  #alternatives(): Fragment {
    if (++this.#depth > DEPTH_MAX) throw new SyntaxError('groups too deep in each other')
    let result = this.#sequence()
    while (this.#skip('|')) {
      const other = this.#sequence()
      result = sized([fork(1, result.length + 2), ...result, fork(other.length + 1), ...other])
    }
    this.#depth--
    return result
  }

  #sequence(): Fragment {
    const steps: Step[] = []
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')') {
      for (const step of this.#repeated(this.#atom())) steps.push(step)
      sized(steps)
    }
    return steps
  }

  #repeated(atom: Fragment): Fragment {
    const { length } = atom
    let result = atom
    if (this.#skip('*')) result = [fork(1, length + 2), ...atom, fork(-length - 1)]
    else if (this.#skip('+')) result = [...atom, fork(-length, 1)]
    else if (this.#skip('?')) result = [fork(1, length + 1), ...atom]
    else {
      const counts = this.#counts()
      if (counts === undefined) return atom
      result = counted(atom, counts.min, counts.max)
    }
    this.#skip('?')
    const isTwice = this.#next === '*' || this.#next === '+' || this.#next === '?'
    if (isTwice) throw new SyntaxError(`nothing to repeat before ${this.#next}`)
    return sized(result)
  }

  /** `{m}`, `{m,}` or `{m,n}`; anything else in braces is literal, as in RE2. */
  #counts(): { min: number; max: number } | undefined {
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 12).join(''))
    if (found === null) return undefined
    this.#at += found[0].length
    const min = Number(found[1])
    const open = found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])
    const max = found[2] === undefined ? min : open
    if (max < min || min > REPEATS_MAX || (max > REPEATS_MAX && max !== Number.POSITIVE_INFINITY)) {
      throw new SyntaxError(`bad counts ${found[0]}`)
    }
    return { min, max }
  }

  #atom(): Fragment {
    const character = this.#characters[this.#at++] as string
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return [take(this.#class())]
      case '.':
        return [take(this.#dotTakesAll ? () => true : (code) => code !== NEWLINE)]
      case '^':
        return [check((_codes, at) => at === 0)]
      case '$':
        return [check((codes, at) => at === codes.length)]
      case '\\':
        return [this.#escape()]
      case '*':
      case '+':
      case '?':
        throw new SyntaxError(`nothing to repeat before ${character}`)
      default:
        return [take(this.#literal(codeOf(character)))]
    }
  }

  #group(): Fragment {
    if (this.#skip('?') && !this.#skip(':')) throw new SyntaxError(`a group (?${this.#next ?? ''} is not supported`)
    const inner = this.#alternatives()
    if (!this.#skip(')')) throw new SyntaxError('a ( without its )')
    return inner
  }

  #escape(): Step {
    if (this.#skip('b')) return check(atBoundary)
    if (this.#skip('B')) return check((codes, at) => !atBoundary(codes, at))
    const found = this.#escaped()
    return take(typeof found === 'number' ? this.#literal(found) : found)
  }

  /** Behind a backslash: one character, or one of a class. */
  #escaped(): number | Takes {
    const character = this.#characters[this.#at++]
    if (character === undefined) throw new SyntaxError('a \\ at the end')
    const takes = CLASSES[character]
    if (takes !== undefined) return takes
    if (character === 'x') return this.#hexadecimal()
    const control = CONTROLS[character]
    if (control !== undefined) return control
    if (isWord(codeOf(character)) || codeOf(character) >= 128) throw new SyntaxError(`\\${character} is not supported`)
    return codeOf(character)
  }

  #hexadecimal(): number {
    const rest = this.#characters.slice(this.#at, this.#at + 8).join('')
    const found = /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(rest)
    if (found === null) throw new SyntaxError('\\x without its number')
    this.#at += found[0].length
    return Number.parseInt(found[1] ?? (found[2] as string), 16)
  }

  #class(): Takes {
    const isNegated = this.#skip('^')
    const parts: Takes[] = []
    for (let isFirst = true; isFirst || this.#next !== ']'; isFirst = false) {
      if (this.#next === undefined) throw new SyntaxError('a [ without its ]')
      if (parts.length > STEPS_MAX) throw new SyntaxError('a class too large')
      parts.push(this.#classPart())
    }
    this.#at++
    const takes: Takes = (code) => parts.some((part) => part(code))
    return isNegated ? not(takes) : takes
  }

  #classPart(): Takes {
    const first = this.#classMember()
    const isRange = this.#next === '-' && this.#characters[this.#at + 1] !== ']'
    if (typeof first !== 'number') return first
    if (!isRange) return this.#literal(first)
    this.#at++
    const last = this.#classMember()
    if (typeof last !== 'number' || last < first) throw new SyntaxError('a range that ends before it begins')
    const inRange: Takes = (code) => code >= first && code <= last
    if (!this.#ignoresCase) return inRange
    return (code) => inRange(code) || inRange(lower(code)) || inRange(upper(code))
  }

  #classMember(): number | Takes {
    if (this.#next === '[' && this.#characters[this.#at + 1] === ':') throw new SyntaxError('[: is not supported')
    const character = this.#characters[this.#at++]
    if (character === undefined) throw new SyntaxError('a [ without its ]')
    return character === '\\' ? this.#escaped() : codeOf(character)
  }

  #literal(wanted: number): Takes {
    if (!this.#ignoresCase) return (code) => code === wanted
    return (code) => code === wanted || lower(code) === lower(wanted)
  }
}

function counted(atom: Fragment, min: number, max: number): Fragment {
  const { length } = atom
  const copies = max === Number.POSITIVE_INFINITY ? min + 1 : max
  if (copies * (length + 1) > STEPS_MAX) throw tooLarge()
  const steps: Step[] = []
  for (let count = 0; count < min; count++) steps.push(...atom)
  if (max === Number.POSITIVE_INFINITY) return [...steps, fork(1, length + 2), ...atom, fork(-length - 1)]
  for (let left = max - min; left > 0; left--) steps.push(fork(1, left * (length + 1)), ...atom)
  return steps
}

const take = (takes: Takes): Step => ({ kind: 'take', takes })
const check = (holds: (codes: readonly number[], at: number) => boolean): Step => ({ kind: 'check', holds })
const fork = (...to: number[]): Step => ({ kind: 'fork', to })

function sized<T extends Fragment>(steps: T): T {
  if (steps.length > STEPS_MAX) throw tooLarge()
  return steps
}

const tooLarge = (): SyntaxError => new SyntaxError('a pattern too large')
const codeOf = (character: string): number => character.codePointAt(0) as number
const lower = (code: number): number => codeOf(String.fromCodePoint(code).toLowerCase())
const upper = (code: number): number => codeOf(String.fromCodePoint(code).toUpperCase())
