/** Runs the load rows: each row of a group, each contender, again and again in turns. */
import { type Contender, end, type Ground, startContenders } from '../contenders.ts'
import { generate, startSink } from '../load/generator.ts'
import type { LoadResult, MeasureJob } from '../load/job.ts'
import { memoryOf } from '../load/process-usage.ts'
import type { BenchOptions } from '../options.ts'
import { shownNumber } from '../report/figures.ts'
import { type Ceiling, progressLine, type Row, type Series } from '../report/report.ts'
import { summaryOf } from '../report/statistics.ts'
import { doubtsAbout, type LoadScenario } from './load-scenarios.ts'

export interface Measured {
  readonly rows: Row[]
  readonly notes: string[]
  readonly failedRunCount: number
}

/** What the runs of a group brought, by scenario and contender. */
type Results = Map<string, LoadResult[]>

export async function runLoad(
  ground: Ground,
  scenarios: readonly LoadScenario[],
  options: BenchOptions,
): Promise<Measured> {
  const contenders = await startContenders(ground, options.withOs)
  const notes = new Set<string>()
  const rows: Row[] = []
  let doneCount = 0
  for (const group of groupsOf(scenarios)) {
    const results = await measureGroup(ground, group, contenders, options, notes)
    for (const runs of results.values()) doneCount += runs.length
    for (const scenario of group) {
      rows.push(...rowsOf(scenario, contenders, results, ground.rabbitmqName))
      for (const contender of contenders) {
        for (const result of results.get(keyOf(scenario, contender)) ?? []) {
          for (const doubt of doubtsAbout(scenario, result)) {
            notes.add(`row ${scenario.id}, ${contender.name}: ${doubt}`)
          }
        }
      }
    }
  }
  if (rows.length > 0) notes.add(residentText(contenders))
  for (const { broker } of contenders) await end(ground, broker)
  const runCount = scenarios.length * contenders.length * options.runs
  return { rows, notes: [...notes], failedRunCount: runCount - doneCount }
}

/** Rows asked for together are compared with each other, so they take turns too. */
function groupsOf(scenarios: readonly LoadScenario[]): LoadScenario[][] {
  const groups = new Map<string, LoadScenario[]>()
  for (const scenario of scenarios) {
    const id = scenario.askedBy ?? scenario.id
    groups.set(id, [...(groups.get(id) ?? []), scenario])
  }
  return [...groups.values()]
}

const keyOf = (scenario: LoadScenario, contender: Contender): string => `${scenario.id} ${contender.name}`

async function measureGroup(
  ground: Ground,
  group: readonly LoadScenario[],
  contenders: readonly Contender[],
  options: BenchOptions,
  notes: Set<string>,
): Promise<Results> {
  const results: Results = new Map()
  for (let run = 1; run <= options.runs; run++) {
    for (const contender of contenders) {
      for (const scenario of group) {
        const label = `${scenario.id} ${run}/${options.runs}`
        try {
          const result = await generate(jobOf(scenario, contender.broker, options))
          const key = keyOf(scenario, contender)
          results.set(key, [...(results.get(key) ?? []), result])
          ground.say(
            `${progressLine(label, contender.name, scenario.figure(result), scenario.unit)}  ${effort(result)}`,
          )
        } catch (error) {
          // One run that failed must not cost the minutes of all the others; it is told in the report.
          const text = `run ${label} of ${contender.name} failed: ${error instanceof Error ? error.message : error}`
          notes.add(text)
          ground.say(text)
        }
      }
    }
  }
  return results
}

function jobOf(
  { queues, publish, consume }: LoadScenario,
  { port, pid }: { readonly port: number; readonly pid: number },
  { warmupMs, measureMs }: Pick<BenchOptions, 'warmupMs' | 'measureMs'>,
): MeasureJob {
  return { kind: 'measure', port, brokerPid: pid, queues, publish, consume, warmupMs, measureMs }
}

function effort({ brokerCores, generatorCores }: LoadResult): string {
  return `cores: broker ${brokerCores?.toFixed(2) ?? '?'}, generator ${generatorCores.toFixed(2)}`
}

function rowsOf(
  scenario: LoadScenario,
  contenders: readonly Contender[],
  results: Results,
  rabbitmqName: string | undefined,
): Row[] {
  const { id, what, unit, goal } = scenario
  const rabbitmq = rabbitmqName === undefined ? undefined : { contender: rabbitmqName }
  const against = scenario.against === 'rabbitmq' ? rabbitmq : scenario.against
  const runsOf = (contender: Contender): LoadResult[] => results.get(keyOf(scenario, contender)) ?? []
  const series = contenders.map((contender) => seriesOf(contender.name, runsOf(contender), scenario.figure))
  const others = (scenario.alsoShown ?? []).map((other): Row => {
    const values = (contender: Contender): number[] => runsOf(contender).map(other.figure)
    const otherSeries = contenders.map((contender) => ({ contender: contender.name, values: values(contender) }))
    return { id: `${id}-${other.suffix}`, what: other.what, unit, series: otherSeries, against, goal: undefined }
  })
  return [{ id, what, unit, series, against, goal }, ...others]
}

function seriesOf(contender: string, runs: readonly LoadResult[], figure: LoadScenario['figure']): Series {
  if (runs.length === 0) return { contender, values: [] }
  const flow = {
    publishedPerSecond: summaryOf(runs.map((run) => run.publishedCount / run.seconds)).median,
    deliveredPerSecond: summaryOf(runs.map((run) => run.deliveredCount / run.seconds)).median,
    generatorCores: summaryOf(runs.map((run) => run.generatorCores)).median,
    brokerCores: medianOfKnown(runs.map((run) => run.brokerCores)),
  }
  return { contender, values: runs.map(figure), flow, details: runs }
}

function medianOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : summaryOf(known).median
}

function residentText(contenders: readonly Contender[]): string {
  const texts = contenders.map(({ name, broker }) => {
    const bytes = memoryOf(broker.pid)?.residentBytes
    return `${name} ${bytes === undefined ? 'not measured' : `${shownNumber(bytes / 1e6)} MB`}`
  })
  return `Resident memory right after the load rows: ${texts.join(', ')}.`
}

/**
 * The same load against a broker that does nothing. Only rows with one queue can be checked so; the others use the very
 * same code.
 */
export async function findCeilings(
  ground: Ground,
  scenarios: readonly LoadScenario[],
  options: BenchOptions,
): Promise<Ceiling[]> {
  const ceilings: Ceiling[] = []
  for (const scenario of scenarios.filter(({ id }) => id === 'a' || id === 'b' || id === 'c')) {
    const sink = await startSink()
    try {
      const result = await generate(jobOf(scenario, sink, options))
      const text = `${shownNumber(scenario.figure(result))} ${scenario.unit}`
      ceilings.push({
        what: `load of row ${scenario.id} into a sink; ${effort(result).replace('broker', 'sink')}`,
        text,
      })
      ground.say(`${progressLine(scenario.id, 'sink', scenario.figure(result), scenario.unit)}  ${effort(result)}`)
    } finally {
      sink.stop()
    }
  }
  return ceilings
}
