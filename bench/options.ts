/** The command line of the bench. */
import { parseArgs } from 'node:util'
import { ALL_IDS, DEFAULT_IDS, KAFKA_IDS } from './scenarios/ids.ts'

export interface BenchOptions {
  readonly ids: ReadonlySet<string>
  readonly runs: number
  readonly measureMs: number
  readonly warmupMs: number
  readonly backlogCount: number
  /** 1: an ack for every delivery; else one for so many. */
  readonly ackEvery: number
  /** Records of a produce run behind its warm-up; a fetch run reads four times as many. */
  readonly kafkaRecordCount: number
  readonly jsonFile: string | undefined
  /** Another build of busbar to measure, by its launcher. */
  readonly launcher: string | undefined
  readonly withRabbitmq: boolean
  /** A third contender: busbar with --durability os. */
  readonly withOs: boolean
}

export const USAGE = `npm run bench -- [options]

  --only a,b       only these rows (${ALL_IDS.join(', ')})
                   kafka: all rows whose names begin with it
  --all            every row; without it and --only: ${DEFAULT_IDS.join(', ')}
  --runs N         runs of each row and broker (5)
  --seconds S      measured seconds of a run (4)
  --warmup S       seconds before, not counted (1.5)
  --backlog N      messages queued for the rows e and f (1000000; the goal is set for 10000000)
  --kafka-records N records of 1 KiB in a produce run of the kafka rows (50000)
  --ack-every N    one ack for N deliveries (1: an ack for each)
  --with-os        also busbar --durability os
  --no-rabbitmq    busbar alone
  --busbar FILE    measure this launcher instead of bin/busbar of this checkout
  --json FILE      write every single result there
  --quick          2 runs of 1 s, a backlog of 50000: to see whether it works, not for figures
`

export class BadOption extends Error {}

/** @throws {BadOption} with a text for the person at the terminal */
export function readOptions(argv: readonly string[]): BenchOptions | 'help' {
  const values = parsed(argv)
  if (values.help) return 'help'
  const quick = values.quick ?? false
  return {
    ids: idsOf(values.only, values.all ?? false),
    runs: count('runs', values.runs, quick ? 2 : 5),
    measureMs: seconds('seconds', values.seconds, quick ? 1 : 4),
    warmupMs: seconds('warmup', values.warmup, quick ? 0.5 : 1.5),
    backlogCount: count('backlog', values.backlog, quick ? 50_000 : 1_000_000),
    ackEvery: count('ack-every', values['ack-every'], 1),
    kafkaRecordCount: count('kafka-records', values['kafka-records'], quick ? 5000 : 50_000),
    jsonFile: values.json,
    launcher: values.busbar,
    withRabbitmq: !(values['no-rabbitmq'] ?? false),
    withOs: values['with-os'] ?? false,
  }
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        only: { type: 'string' },
        all: { type: 'boolean' },
        runs: { type: 'string' },
        seconds: { type: 'string' },
        warmup: { type: 'string' },
        backlog: { type: 'string' },
        'ack-every': { type: 'string' },
        'kafka-records': { type: 'string' },
        json: { type: 'string' },
        busbar: { type: 'string' },
        'no-rabbitmq': { type: 'boolean' },
        'with-os': { type: 'boolean' },
        quick: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new BadOption(error instanceof Error ? error.message : String(error))
  }
}

function idsOf(only: string | undefined, all: boolean): ReadonlySet<string> {
  if (only === undefined) return new Set(all ? ALL_IDS : DEFAULT_IDS)
  const ids = only
    .split(',')
    .map((id) => id.trim())
    .flatMap((id) => (id === 'kafka' ? KAFKA_IDS : [id]))
  for (const id of ids) {
    if (!ALL_IDS.includes(id)) throw new BadOption(`--only ${id}: no such row; there are ${ALL_IDS.join(', ')}`)
  }
  return new Set(ids)
}

function count(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new BadOption(`--${name} ${text}: give a whole number from 1 on`)
  return value
}

function seconds(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (!(value > 0 && value <= 3600)) throw new BadOption(`--${name} ${text}: give seconds, above 0 and at most 3600`)
  return value * 1000
}
