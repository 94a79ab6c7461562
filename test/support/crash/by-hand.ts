/** What scripts/crash.mjs runs: long versions of the crash tests, with a line of sums for the documents. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startKafkaBroker } from '../clients/kafka-broker.ts'
import { expectUnharmed } from './attacker.ts'
import type { Report } from './history-parts.ts'
import { holdIdle } from './idle-connections.ts'
import { runKafkaThroughKills } from './kafka-run.ts'
import { type Outcome, runAlive, runThroughDeaths } from './kill-run.ts'
import { sendSpoiled } from './noise.ts'
import { ServerProcess } from './server-process.ts'

const USAGE = `Long crash runs against ./bin/busbar.

  node scripts/crash.mjs [--rounds 500] [--seed 1] [--end kill|stop]
      kills it (or stops it with SIGTERM) that often under load, and judges what clients saw
  node scripts/crash.mjs --kafka [--rounds 500] [--seed 1]
      the same by the Kafka door: plain, idempotent and transactional producers, and a group
  node scripts/crash.mjs --idle 10000
      holds so many idle connections and says what each costs
  node scripts/crash.mjs --spoiled 100000 [--seed 1]
      sends so many conversations with something wrong in them; seeds count up from --seed
  node scripts/crash.mjs --url amqp://HOST:PORT [--seconds 10] [--seed 1] [--no-delays]
      the same load and judge, no kills, against a server that runs already (RabbitMQ without its plugin: --no-delays)
`

const HOLD_MS = 5000
const RSS_BYTES_MAX = 300 * 2 ** 20

const options = {
  rounds: { type: 'string', default: '500' },
  seed: { type: 'string', default: '1' },
  end: { type: 'string', default: 'kill' },
  kafka: { type: 'boolean', default: false },
  idle: { type: 'string' },
  spoiled: { type: 'string' },
  url: { type: 'string' },
  seconds: { type: 'string', default: '10' },
  'no-delays': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const { values } = parseArgs({ options })
if (values.help || (values.end !== 'kill' && values.end !== 'stop')) {
  process.stdout.write(USAGE)
  process.exit(values.help ? 0 : 64)
}
const home = await mkdtemp(join(tmpdir(), 'busbar-crash-'))
try {
  if (values.idle !== undefined) await idle(Number(values.idle))
  else if (values.kafka) await kafkaDeaths()
  else if (values.spoiled !== undefined) await spoil(Number(values.spoiled), Number(values.seed))
  else if (values.url !== undefined) {
    judge(await runAlive(values.url, Number(values.seed), Number(values.seconds) * 1000, !values['no-delays']))
  } else await deaths(values.end)
} finally {
  // What led to a violation is kept for whoever looks into it.
  if (process.exitCode === undefined) await rm(home, { recursive: true, force: true })
}

async function deaths(end: 'kill' | 'stop'): Promise<void> {
  const onRound = (round: number, report: Report): void => {
    if (round % 10 === 0) process.stderr.write(`round ${round}: ${lineOf(report)}\n`)
  }
  const run = { seed: Number(values.seed), rounds: Number(values.rounds), end, onRound }
  judge(await runThroughDeaths(home, { ...run, loadMs: [100, 600] }))
}

function judge({ report, texts }: Outcome): void {
  for (const text of texts) process.stdout.write(`${text}\n`)
  process.stdout.write(`seed ${values.seed}: ${lineOf(report)}\n`)
  if (report.violations === 0) return
  process.stdout.write(`the data directory is kept: ${home}\n`)
  process.exitCode = 1
}

function lineOf(report: Report): string {
  return Object.entries(report)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

async function kafkaDeaths(): Promise<void> {
  const broker = await startKafkaBroker(['--log-level', 'warn'])
  const onRound = (round: number): void => {
    if (round % 10 === 0) process.stderr.write(`round ${round}\n`)
  }
  const outcome = await runKafkaThroughKills(broker, Number(values.seed), Number(values.rounds), onRound)
  const { violations, ...counts } = outcome
  for (const violation of violations) process.stdout.write(`${violation}\n`)
  const sums = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  process.stdout.write(`seed ${values.seed}: ${violations.length} violations, ${sums.join(', ')}\n`)
  if (violations.length === 0) await broker.stop()
  else {
    // The data is left where it is, for whoever looks into it.
    await broker.halt()
    process.exitCode = 1
  }
}

async function idle(count: number): Promise<void> {
  const server = await ServerProcess.start(home, ['--max-connections', String(count + 100)])
  try {
    const before = server.rssBytes()
    const held = await holdIdle(server.port, count)
    await wait(HOLD_MS)
    if (held.openCount() < count) throw new Error(`${count - held.openCount()} of ${count} connections were closed`)
    const each = (server.rssBytes() - before) / count
    process.stdout.write(
      `${count} idle connections: ${(server.rssBytes() / 2 ** 20).toFixed(0)} MiB resident, ${(each / 1024).toFixed(1)} KiB each\n`,
    )
    held.drop()
    await server.stop()
  } finally {
    await server.kill()
  }
}

async function spoil(count: number, firstSeed: number): Promise<void> {
  const server = await ServerProcess.start(home, ['--log-level', 'error', '--handshake-timeout', '1s'])
  try {
    await sendSpoiled(server.port, count, firstSeed)
    await expectUnharmed(server, RSS_BYTES_MAX)
    const rss = (server.rssBytes() / 2 ** 20).toFixed(0)
    process.stdout.write(`${count} spoiled conversations from seed ${firstSeed}: unharmed, ${rss} MiB resident\n`)
    await server.stop()
  } finally {
    await server.kill()
  }
}
