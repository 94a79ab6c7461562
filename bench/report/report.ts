/**
 * What was measured, and the Markdown that says so. Pure: the same report gives the same text.
 */
import { type Goal, judge, shownGoal, shownNumber, shownRatio, shownValues, type Unit } from './figures.ts'
import type { Machine } from './machine.ts'
import { summaryOf } from './statistics.ts'

/** Medians: both sides of the flow, and whose processor time it took, in cores. */
export interface Flow {
  readonly publishedPerSecond: number
  readonly deliveredPerSecond: number
  readonly generatorCores: number
  readonly brokerCores: number | undefined
}

/** All values of one contender in one row, one a run. */
export interface Series {
  readonly contender: string
  readonly values: readonly number[]
  /** Only where messages flowed. */
  readonly flow?: Flow
  /** Every run in full, for --json. */
  readonly details?: readonly object[]
}

export interface Row {
  readonly id: string
  readonly what: string
  readonly unit: Unit
  readonly series: readonly Series[]
  /** What busbar's median is divided by: another contender's in this row, or its own in another row. */
  readonly against: { readonly contender: string } | { readonly rowId: string } | undefined
  readonly goal: Goal | undefined
}

/** What the generator did against a broker that does nothing. */
export interface Ceiling {
  readonly what: string
  readonly text: string
}

export interface Report {
  readonly date: string
  readonly machine: Machine
  readonly command: string
  readonly measuring: string
  readonly contenders: readonly string[]
  readonly rows: readonly Row[]
  readonly ceilings: readonly Ceiling[]
  readonly failedRunCount: number
  /** Whatever a reader has to know before he believes a figure. */
  readonly notes: readonly string[]
}

export const BUSBAR = 'busbar'

export function markdownOf(report: Report): string {
  return [
    machineText(report),
    mainTable(report),
    flowTable(report),
    ceilingText(report),
    listed('Notes', report.notes),
    `Measured by \`${report.command}\`: ${report.measuring}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function machineText({ date, machine }: Report): string {
  const { cpu, coreCount, memoryGib, kernel, node, rabbitmq, disk } = machine
  const peer = rabbitmq === undefined ? 'without RabbitMQ' : `RabbitMQ ${rabbitmq}`
  return `${date}; ${cpu}, ${coreCount} cores, ${memoryGib} GiB; Linux ${kernel}; Node ${node}; ${peer}; data on ${disk}.`
}

function mainTable(report: Report): string {
  const { contenders, rows } = report
  const head = ['', 'what', 'unit', ...contenders, 'ratio', 'to reach', '']
  const body = rows.map((row) => [
    row.id,
    row.what,
    row.unit,
    ...contenders.map((contender) => cell(row, contender)),
    ratioCell(row, rows),
    row.goal === undefined ? '' : shownGoal(row.goal, row.unit),
    verdictCell(row, rows),
  ])
  return table(head, body)
}

function cell(row: Row, contender: string): string {
  const values = valuesOf(row, contender)
  return values.length === 0 ? '-' : shownValues(values)
}

function valuesOf(row: Row, contender: string): readonly number[] {
  return row.series.find((series) => series.contender === contender)?.values ?? []
}

/** Busbar's median to the other's; undefined where either is missing. */
export function ratioOf(row: Row, rows: readonly Row[]): number | undefined {
  if (row.against === undefined) return undefined
  const own = valuesOf(row, BUSBAR)
  const other = 'contender' in row.against ? valuesOf(row, row.against.contender) : ownOf(rows, row.against.rowId)
  if (own.length === 0 || other.length === 0) return undefined
  return summaryOf(own).median / summaryOf(other).median
}

function ownOf(rows: readonly Row[], id: string): readonly number[] {
  const row = rows.find((each) => each.id === id)
  return row === undefined ? [] : valuesOf(row, BUSBAR)
}

function ratioCell(row: Row, rows: readonly Row[]): string {
  const ratio = ratioOf(row, rows)
  if (ratio === undefined) return ''
  const against = row.against !== undefined && 'rowId' in row.against ? ` of ${row.against.rowId}` : ''
  return `${shownRatio(ratio)}${against}`
}

function verdictCell(row: Row, rows: readonly Row[]): string {
  if (row.goal === undefined) return ''
  const own = valuesOf(row, BUSBAR)
  if (row.goal.kind === 'value-at-most') return own.length === 0 ? '' : judge(row.goal, summaryOf(own).median)
  const ratio = ratioOf(row, rows)
  return ratio === undefined ? 'not compared' : judge(row.goal, ratio)
}

/** Both sides and the processor time: a generator near its one core would be the bottleneck. */
function flowTable({ rows }: Report): string {
  const body: string[][] = []
  for (const { id, series } of rows) {
    for (const { contender, flow } of series) {
      if (flow === undefined) continue
      const sides = [shownNumber(flow.publishedPerSecond), shownNumber(flow.deliveredPerSecond)]
      body.push([id, contender, ...sides, flow.brokerCores?.toFixed(2) ?? '-', flow.generatorCores.toFixed(2)])
    }
  }
  if (body.length === 0) return ''
  const head = ['', 'broker', 'published/s', 'delivered/s', 'cores: broker', 'cores: generator']
  return `Both sides of the load rows (medians):\n\n${table(head, body)}`
}

function ceilingText({ ceilings }: Report): string {
  return ceilings.map(({ what, text }) => `generator ceiling: ${text} (${what})`).join('  \n')
}

function listed(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n\n${lines.map((line) => `- ${line}`).join('\n')}`
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...body.map(line)].join('\n')
}

/** One line while it runs: a person waits for minutes. */
export function progressLine(what: string, contender: string, value: number, unit: Unit): string {
  return `${what.padEnd(15)} ${contender.padEnd(24)} ${shownNumber(value).padStart(10)} ${unit}`
}
