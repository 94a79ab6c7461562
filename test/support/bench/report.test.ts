/** The bench's own arithmetic and table: a wrong median or ratio would praise or blame the wrong broker. */
import { describe, expect, test } from 'vitest'
import { judge, shownGoal, shownNumber, shownRatio, shownValues } from '../../../bench/report/figures.ts'
import { markdownOf, type Report, type Row, ratioOf } from '../../../bench/report/report.ts'
import { summaryOf } from '../../../bench/report/statistics.ts'

describe('statistics', () => {
  test('the median is the middle one, whatever the order', () => {
    expect(summaryOf([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 })
  })

  test('the median of an even count lies between the two in the middle', () => {
    expect(summaryOf([10, 1, 2, 4])).toEqual({ median: 3, min: 1, max: 10 })
  })

  test('numbers are sorted as numbers', () => {
    expect(summaryOf([10, 9, 100]).median).toBe(10)
  })

  test('nothing measured has no summary', () => {
    expect(() => summaryOf([])).toThrow('nothing was measured')
  })
})

describe('figures', () => {
  test('large numbers are whole, small ones keep three digits', () => {
    expect([153_210.4, 100, 99.95, 8.0412, 0.18349, 0].map(shownNumber)).toEqual([
      '153,210',
      '100',
      '100',
      '8.04',
      '0.183',
      '0',
    ])
  })

  test('several values show their range, one does not', () => {
    expect(shownValues([3, 1, 2])).toBe('**2** (1 to 3)')
    expect(shownValues([7])).toBe('**7**')
  })

  test('ratios', () => {
    expect([0.914, 3, 10.24].map(shownRatio)).toEqual(['0.91x', '3.00x', '10.2x'])
  })

  test('a goal to stay below and one to get above are judged the other way round', () => {
    const above = { kind: 'ratio-at-least', reach: 3, moonshot: 5 } as const
    const below = { kind: 'value-at-most', reach: 300, moonshot: 120 } as const
    expect([2.99, 3, 4.99, 5].map((ratio) => judge(above, ratio))).toEqual(['missed', 'reached', 'reached', 'moonshot'])
    expect([301, 300, 121, 120].map((ms) => judge(below, ms))).toEqual(['missed', 'reached', 'reached', 'moonshot'])
    expect(shownGoal(above, 'msg/s')).toBe('>= 3x')
    expect(shownGoal({ ...below, kind: 'ratio-at-most', reach: 1 }, 'ms')).toBe('<= 1x')
    expect(shownGoal(below, 'ms')).toBe('<= 300 ms')
  })
})

const rows: Row[] = [
  {
    id: 'a',
    what: 'durable',
    unit: 'msg/s',
    series: [
      {
        contender: 'busbar',
        values: [400, 300, 500],
        flow: { publishedPerSecond: 410, deliveredPerSecond: 400, brokerCores: 0.951, generatorCores: 0.2 },
      },
      { contender: 'RabbitMQ 3.10.8', values: [100, 90, 110] },
    ],
    against: { contender: 'RabbitMQ 3.10.8' },
    goal: { kind: 'ratio-at-least', reach: 3, moonshot: 5 },
  },
  {
    id: 'd',
    what: 'many queues',
    unit: 'msg/s',
    series: [{ contender: 'busbar', values: [200] }],
    against: { rowId: 'a' },
    goal: { kind: 'ratio-at-least', reach: 0.6, moonshot: 0.9 },
  },
  {
    id: 'h',
    what: 'idle RSS',
    unit: 'MB',
    series: [{ contender: 'busbar', values: [70] }],
    against: { contender: 'RabbitMQ 3.10.8' },
    goal: { kind: 'value-at-most', reach: 80, moonshot: 50 },
  },
]

const report: Report = {
  date: '2026-01-31',
  machine: {
    cpu: 'Some CPU',
    coreCount: 2,
    memoryGib: 8,
    kernel: '6.1',
    node: '20.19.0',
    rabbitmq: '3.10.8',
    disk: 'ext4, one flush 0.50 ms',
  },
  command: 'npm run bench -- --runs 3',
  measuring: 'medians of 3 runs.',
  contenders: ['busbar', 'RabbitMQ 3.10.8'],
  rows,
  ceilings: [{ what: 'load of row a into a sink', text: '2,000 msg/s' }],
  failedRunCount: 0,
  notes: ['row a: somebody coughed'],
}

describe('report', () => {
  test('a ratio is of medians, to the peer or to another row of our own', () => {
    expect(rows.map((row) => ratioOf(row, rows))).toEqual([4, 0.5, undefined])
  })

  test('is one Markdown table with machine, both sides, ceiling, notes and command', () => {
    expect(markdownOf(report).split('\n')).toEqual([
      '2026-01-31; Some CPU, 2 cores, 8 GiB; Linux 6.1; Node 20.19.0; RabbitMQ 3.10.8; data on ext4, one flush 0.50 ms.',
      '',
      '|  | what | unit | busbar | RabbitMQ 3.10.8 | ratio | to reach |  |',
      '|---|---|---|---|---|---|---|---|',
      '| a | durable | msg/s | **400** (300 to 500) | **100** (90 to 110) | 4.00x | >= 3x | reached |',
      '| d | many queues | msg/s | **200** | - | 0.50x of a | >= 0.6x | missed |',
      '| h | idle RSS | MB | **70** | - |  | <= 80 MB | reached |',
      '',
      'Both sides of the load rows (medians):',
      '',
      '|  | broker | published/s | delivered/s | cores: broker | cores: generator |',
      '|---|---|---|---|---|---|',
      '| a | busbar | 410 | 400 | 0.95 | 0.20 |',
      '',
      'generator ceiling: 2,000 msg/s (load of row a into a sink)',
      '',
      'Notes:',
      '',
      '- row a: somebody coughed',
      '',
      'Measured by `npm run bench -- --runs 3`: medians of 3 runs.',
    ])
  })

  test('without a peer there is no ratio and no verdict on one', () => {
    const alone = rows.map((row) => ({ ...row, against: undefined, series: row.series.slice(0, 1) }))
    const text = markdownOf({ ...report, contenders: ['busbar'], rows: alone })
    expect(text).toContain('| a | durable | msg/s | **400** (300 to 500) |  | >= 3x | not compared |')
    expect(text).toContain('| h | idle RSS | MB | **70** |  | <= 80 MB | reached |')
  })

  test('a row whose runs all failed shows a dash and no verdict', () => {
    const failed = rows.map((row) => ({ ...row, series: [{ contender: 'busbar', values: [] }] }))
    expect(markdownOf({ ...report, rows: failed })).toContain('| h | idle RSS | MB | - | - |  | <= 80 MB |  |')
  })
})
