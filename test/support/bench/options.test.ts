import { describe, expect, test } from 'vitest'
import { BadOption, readOptions } from '../../../bench/options.ts'
import { ALL_IDS, DEFAULT_IDS } from '../../../bench/scenarios/ids.ts'
import { loadScenarios } from '../../../bench/scenarios/load-scenarios.ts'

describe('bench options', () => {
  test('without any: the rows of the figures, five runs, and not the ten million', () => {
    const options = readOptions([])
    expect(options).toMatchObject({ runs: 5, measureMs: 4000, warmupMs: 1500, backlogCount: 1_000_000, ackEvery: 1 })
    expect(options).toHaveProperty('ids', new Set(DEFAULT_IDS))
  })

  test('what is given wins over --quick', () => {
    expect(readOptions(['--quick', '--runs', '7'])).toMatchObject({ runs: 7, measureMs: 1000, backlogCount: 50_000 })
  })

  test('--only takes a list', () => {
    expect(readOptions(['--only', 'a, kib16'])).toHaveProperty('ids', new Set(['a', 'kib16']))
  })

  test.each([
    [['--only', 'a,z'], '--only z: no such row'],
    [['--runs', '0'], '--runs 0: give a whole number'],
    [['--backlog', '1e3.5'], '--backlog 1e3.5'],
    [['--seconds', 'soon'], '--seconds soon: give seconds'],
    [['--fast'], '--fast'],
  ])('%j is refused with a text', (argv, text) => {
    expect(() => readOptions(argv)).toThrow(BadOption)
    expect(() => readOptions(argv)).toThrow(text)
  })

  test('every load row can be asked for', () => {
    const ids = loadScenarios({ kind: 'each' }).map(({ id, askedBy }) => askedBy ?? id)
    expect(ids.filter((id) => !ALL_IDS.includes(id))).toEqual([])
  })

  test('rows that are compared with each other differ in their queues only', () => {
    const rows = new Map(loadScenarios({ kind: 'each' }).map((row) => [row.id, row]))
    const many = rows.get('d')
    const one = rows.get('d-one')
    expect(many?.queues.names).toHaveLength(1000)
    expect(one?.queues.names).toHaveLength(1)
    expect(many?.publish).toEqual(one?.publish)
    expect(many?.consume).toEqual(one?.consume)
  })
})
