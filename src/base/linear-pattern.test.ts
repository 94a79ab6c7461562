import { expect, test } from 'vitest'
import { LinearPattern } from './linear-pattern.ts'
import { type Random, seededRandom } from './random.ts'

const matches = (pattern: string, text: string): boolean => new LinearPattern(pattern).matchesWhole(text)

test('linear pattern: whole texts match, parts do not', () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['', [''], ['a']],
    ['bank', ['bank'], ['banks', 'ban', 'Bank']],
    ['bank.*', ['bank', 'bank-7'], ['a bank', 'bank\n']],
    ['(?s)bank.*', ['bank\n'], []],
    ['(?i)BaNk[x-z]', ['bankX', 'BANKz'], ['bankw']],
    ['a|bc|', ['a', 'bc', ''], ['b', 'abc']],
    ['(a|b)+c?', ['a', 'abbac'], ['', 'c', 'acc']],
    ['(?:ab){2,3}', ['abab', 'ababab'], ['ab', 'abababab']],
    ['a{2}', ['aa'], ['a', 'aaa']],
    ['a{2,}', ['aa', 'aaaaa'], ['a']],
    ['a{,2}', ['a{,2}'], ['a']],
    ['[a-c_-]+', ['abc_-'], ['d', '']],
    ['[^a-c]', ['d', 'ü', '💡'], ['a', 'dd']],
    ['[]a]', [']', 'a'], ['b']],
    ['\\d\\w\\s[\\d\\-]', ['1_ 2', '1a -'], ['aa 1']],
    ['\\D\\W\\S', ['a-b'], ['1-b', 'aab', 'a- ']],
    ['a\\.b\\\\', ['a.b\\'], ['axb\\']],
    ['\\x41\\x{1f4a1}\\t', ['A💡\t'], ['A']],
    ['^a$', ['a'], ['aa']],
    ['a^b', [], ['ab', 'a^b']],
    ['.*\\bcat\\b.*', ['a cat!', 'cat'], ['concat', 'cats']],
    ['c\\Bat', ['cat'], ['c at']],
    ['a*?b+?', ['b', 'aabb'], ['a']],
  ]
  for (const [pattern, yes, no] of cases) {
    for (const text of yes) expect([pattern, text, matches(pattern, text)]).toEqual([pattern, text, true])
    for (const text of no) expect([pattern, text, matches(pattern, text)]).toEqual([pattern, text, false])
  }
})

test('linear pattern: what is no pattern is refused', () => {
  const bad = ['(', ')', 'a)', '[', '[a', '[b-a]', '*', 'a**', '+a', '\\', '\\1', '\\pL', '(?=a)', '(?<n>a)', 'a{3,2}']
  for (const pattern of [...bad, 'a{1001}', '[[:alpha:]]', '\\xg', '(((a{40}){40}){40})', `${'('.repeat(60)}`]) {
    expect(() => new LinearPattern(pattern), pattern).toThrow(SyntaxError)
  }
})

test('linear pattern: what makes others think for years takes no time', () => {
  expect(matches('(a*)*(a*)*(a|aa)+b', 'a'.repeat(2000))).toBe(false)
  expect(matches('(x+x+)+y', 'x'.repeat(2000))).toBe(false)
})

function randomPattern(random: Random, depth: number): string {
  const atom = (): string => {
    if (depth > 0 && random.below(3) === 0) return `(${randomPattern(random, depth - 1)})`
    return ['a', 'b', '.', '[ab]', '[^a]', '\\b', 'c'][random.below(7)] as string
  }
  const parts = Array.from({ length: random.below(4) }, () => {
    const part = atom()
    // What takes no character is not worth repeating.
    return part === '\\b' ? part : part + ['', '', '*', '+', '?', '{1,2}', '*?'][random.below(7)]
  })
  return random.below(4) === 0 ? `${parts.join('')}|${atom()}` : parts.join('')
}

test('linear pattern: says the same as the matcher of the language, over random patterns and texts', () => {
  const random = seededRandom(7)
  let matchCount = 0
  for (let round = 0; round < 3000; round++) {
    const pattern = randomPattern(random, 2)
    const mine = new LinearPattern(pattern)
    const theirs = new RegExp(`^(?:${pattern})$`, 'u')
    for (let texts = 0; texts < 5; texts++) {
      const text = Array.from({ length: random.below(6) }, () => ['a', 'b', 'c', ' '][random.below(4)]).join('')
      const isMatch = theirs.test(text)
      if (isMatch) matchCount++
      expect([pattern, text, mine.matchesWhole(text)]).toEqual([pattern, text, isMatch])
    }
  }
  expect(matchCount).toBeGreaterThan(1000)
})
