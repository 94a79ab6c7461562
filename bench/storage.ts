/**
 * What the local storage engine does alone, without broker and network: small appends with a window in flight, the same
 * over many logs, filling a backlog, replaying it, reading it. Run it bundled, as the other benches:
 *
 *   npx esbuild bench/storage.ts --bundle --platform=node --format=esm --packages=external --outfile=FILE && node FILE
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/base/clock.ts'
import { EntryKind, type Journal, type Storage } from '../src/storage/contract.ts'
import { openStorage } from '../src/storage/open-storage.ts'

const args = new Map(process.argv.slice(2).map((arg) => arg.replace(/^--/, '').split('=') as [string, string]))
const root = args.get('dir') ?? tmpdir()
const logger = { info: () => {}, warn: (message: string, fields?: object) => console.error(message, fields) }

function open(directory: string, durability: 'flush' | 'os'): Promise<Storage> {
  return openStorage(`file:${directory}`, { durability, clock: systemClock, logger })
}

async function withJournal(
  name: string,
  durability: 'flush' | 'os',
  fn: (journal: Journal) => Promise<string>,
): Promise<void> {
  const directory = mkdtempSync(join(root, 'busbar-bench-'))
  const storage = await open(directory, durability)
  const journal = await storage.claim(0)
  await journal.replay(() => {})
  answerSnapshots(journal)
  const result = await fn(journal)
  await storage.close()
  rmSync(directory, { recursive: true, force: true })
  console.log(`${name.padEnd(46)} ${result}`)
}

const state = Buffer.alloc(200, 's')
function answerSnapshots(journal: Journal): void {
  journal.onSnapshotWanted((log) => journal.append(log, EntryKind.snapshot, 0, 0, state))
}

/** Keeps `window` appends in flight until `count` are committed; each is settled `settleAfter` appends later. */
function pump(
  journal: Journal,
  count: number,
  window: number,
  payload: Buffer,
  logs: number,
  settleAfter: number,
): Promise<void> {
  const next = new Array<number>(logs).fill(0)
  const base = journal.appended
  let sent = 0
  return new Promise((resolve) => {
    const more = (): void => {
      const done = journal.committed - base
      if (done >= count && sent >= count) return resolve()
      while (sent < count && sent - done < window) {
        const log = sent % logs
        const offset = next[log] as number
        journal.append(log + 1, EntryKind.record, offset, 1, payload)
        next[log] = offset + 1
        if (offset >= settleAfter) journal.discard(log + 1, offset - settleAfter, offset - settleAfter + 1)
        sent++
      }
    }
    journal.onCommit(more)
    more()
  })
}

const rate = (count: number, ms: number): string => `${Math.round(count / (ms / 1000)).toLocaleString('en')}/s`

async function timed(fn: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await fn()
  return performance.now() - startMs
}

async function appendCost(): Promise<void> {
  await withJournal('append alone, 150 B, in memory', 'os', async (journal) => {
    const payload = Buffer.alloc(150, 'x')
    let offset = 0
    let spentMs = 0
    const batch = 2000
    for (let round = 0; round < 400; round++) {
      const startMs = performance.now()
      for (let index = 0; index < batch; index++) journal.append(1, EntryKind.record, offset++, 1, payload)
      if (round >= 50) spentMs += performance.now() - startMs
      journal.discard(1, offset - batch, offset)
      const ticket = journal.appended
      await new Promise<void>((resolve) => journal.onCommit((upTo) => upTo >= ticket && resolve()))
    }
    return rate(350 * batch, spentMs)
  })
}

async function throughput(): Promise<void> {
  for (const durability of ['flush', 'os'] as const) {
    for (const logs of [1, 1000]) {
      await withJournal(`150 B, 2000 in flight, ${logs} logs, ${durability}`, durability, async (journal) => {
        const count = durability === 'flush' ? 400_000 : 800_000
        const settleAfter = Math.ceil(5000 / logs)
        return rate(count, await timed(() => pump(journal, count, 2000, Buffer.alloc(150, 'x'), logs, settleAfter)))
      })
    }
  }
}

async function backlog(count: number): Promise<void> {
  const directory = mkdtempSync(join(root, 'busbar-bench-'))
  const payload = Buffer.alloc(1024, 'x')
  let storage = await open(directory, 'flush')
  let journal = await storage.claim(0)
  await journal.replay(() => {})
  answerSnapshots(journal)
  const fillMs = await timed(() => pump(journal, count, 4000, payload, 1, Number.POSITIVE_INFINITY))
  const { rss, arrayBuffers } = process.memoryUsage()
  console.log(
    `${`backlog of ${count} records of 1 KiB`.padEnd(46)} ${rate(count, fillMs)}, rss ${rss >> 20} MiB, buffers ${arrayBuffers >> 20} MiB`,
  )
  await storage.close()
  let entries = 0
  const replayMs = await timed(async () => {
    storage = await open(directory, 'flush')
    journal = await storage.claim(0)
    await journal.replay(() => entries++)
  })
  console.log(`${'replay with that backlog'.padEnd(46)} ${Math.round(replayMs)} ms for ${entries} entries`)
  let read = 0
  const readMs = await timed(async () => {
    for (let next = 0; ; ) {
      const records = await journal.read(1, next, 256 * 1024)
      const last = records.at(-1)
      if (last === undefined) break
      next = last.baseOffset + 1
      read += records.length
    }
  })
  console.log(`${'sequential read of it'.padEnd(46)} ${rate(read, readMs)}, ${read} records`)
  await storage.close()
  rmSync(directory, { recursive: true, force: true })
}

await appendCost()
await throughput()
await backlog(Number(args.get('backlog') ?? 300_000))
