import { expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { TopicPatterns, topicWords } from './topic-pattern.ts'

/** By the letter of the rule, one way after the other. */
function naiveMatch(pattern: readonly string[], key: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return key.length === 0
  if (first === '#') return naiveMatch(rest, key) || (key.length > 0 && naiveMatch(pattern, key.slice(1)))
  return key.length > 0 && (first === '*' || first === key[0]) && naiveMatch(rest, key.slice(1))
}

function matching(patterns: TopicPatterns<string>, key: string): string[] {
  const found = new Set<string>()
  patterns.match(key, { matched: (value) => found.add(value) })
  return [...found].sort()
}

test('topic patterns: wildcards stand for whole words, an empty word is a word, the empty key has none', () => {
  const cases: [pattern: string, key: string, matches: boolean][] = [
    ['a.b', 'a.b', true],
    ['a.b', 'a', false],
    ['*', 'a', true],
    ['*', '', false],
    ['*', 'a.b', false],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['', '', true],
    ['', 'a', false],
    ['a.#', 'a', true],
    ['a.#', 'ab', false],
    ['#.b', 'b', true],
    ['a.*.b', 'a..b', true],
    ['a.#.b', 'a.b', true],
    ['*.*', '.', true],
    ['a.', 'a.', true],
    ['a.*', 'a.', true],
    ['a.*', 'a', false],
    ['a*', 'ab', false],
    ['#.*', '', false],
    ['#.*', 'a', true],
    ['*.#.*', 'a', false],
    ['*.#.*', 'a.b', true],
  ]
  for (const [pattern, key, matches] of cases) {
    const patterns = new TopicPatterns<string>()
    patterns.add(pattern, 'x')
    expect(matching(patterns, key), `${pattern} on ${key}`).toEqual(matches ? ['x'] : [])
    expect(naiveMatch(topicWords(pattern), topicWords(key)), `naive ${pattern} on ${key}`).toBe(matches)
  }
})

test('topic patterns: agree with the naive matcher through random additions and removals', () => {
  const random = seededRandom(11)
  const words = ['a', 'b', '', '*', '#', '#', '*']
  const text = (from: readonly string[]): string =>
    Array.from({ length: random.below(6) }, () => from[random.below(from.length)]!).join('.')
  const patterns = new TopicPatterns<string>()
  const model = new Set<string>()
  let hits = 0
  for (let step = 0; step < 4000; step++) {
    const pattern = text(words)
    if (random.below(3) > 0) {
      patterns.add(pattern, pattern)
      model.add(pattern)
    } else {
      const victim = random.below(2) === 0 ? pattern : ([...model][random.below(model.size + 1)] ?? pattern)
      patterns.remove(victim, victim)
      model.delete(victim)
    }
    const key = text(['a', 'b', '', 'c', '*', '#'])
    const expected = [...model].filter((one) => naiveMatch(topicWords(one), topicWords(key))).sort()
    hits += expected.length
    expect(matching(patterns, key), `key ${key}`).toEqual(expected)
  }
  expect(hits).toBeGreaterThan(1000)
  for (const pattern of model) patterns.remove(pattern, pattern)
  expect(patterns.isEmpty).toBe(true)
})

test('topic patterns: removing what is not there changes nothing', () => {
  const patterns = new TopicPatterns<string>()
  patterns.add('a.#.b', 'x')
  patterns.remove('a.#', 'x')
  patterns.remove('a.#.b', 'y')
  patterns.remove('a.#.b.c.*', 'x')
  expect(matching(patterns, 'a.b')).toEqual(['x'])
})

test('topic patterns: a pattern full of # takes work bounded by words times nodes, not by the ways through it', () => {
  const patterns = new TopicPatterns<string>()
  const words = 60
  patterns.add(Array.from({ length: words }, () => '#.a').join('.'), 'alternating')
  patterns.add(Array.from({ length: words }, () => '#').join('.'), 'hashes')
  patterns.add(Array.from({ length: words }, (_, index) => (index % 2 ? '*' : '#')).join('.'), 'mixed')
  // Trying the ways one by one would take longer than the universe lasts.
  expect(matching(patterns, `${'a.'.repeat(words - 1)}b`)).toEqual(['hashes', 'mixed'])
  expect(matching(patterns, `${'a.'.repeat(words - 1)}a`)).toEqual(['alternating', 'hashes', 'mixed'])
})

test('topic patterns: of thousands, only the matching ones are told', () => {
  const patterns = new TopicPatterns<string>()
  for (let index = 0; index < 5000; index++) patterns.add(`device.${index}.*`, `d${index}`)
  patterns.add('device.*.temperature', 'all')
  expect(matching(patterns, 'device.4711.temperature')).toEqual(['all', 'd4711'])
})
