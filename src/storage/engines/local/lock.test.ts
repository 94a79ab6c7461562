import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock, systemClock } from '../../../base/clock.ts'
import { lockDirectory } from './lock.ts'

let directory: string
let lock: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'busbar-lock-'))
  lock = join(directory, 'LOCK')
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

const clockOfNow = (): ManualClock => new ManualClock(systemClock.nowMs())

/** Makes a process, lets `fn` use its id while it lives, and another function once it was killed. */
async function withVictim(whileAlive: (pid: number) => Promise<void>, whenDead: () => Promise<void>): Promise<void> {
  const victim = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); process.stdout.write("up")'])
  await new Promise((resolve) => victim.stdout.once('data', resolve))
  try {
    await whileAlive(victim.pid as number)
  } finally {
    const gone = new Promise((resolve) => victim.once('exit', resolve))
    victim.kill('SIGKILL')
    await gone
  }
  await whenDead()
}

/** The lock as the process `pid` would have written it. */
async function lockOf(pid: number): Promise<string> {
  const release = await lockDirectory(directory, clockOfNow())
  const holder = JSON.parse(readFileSync(lock, 'utf8')) as { pid: number; started: string }
  await release()
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  return `${JSON.stringify({ ...holder, pid, started })}\n`
}

test('lock: held until released, leaving nothing behind', async () => {
  const release = await lockDirectory(directory, clockOfNow())
  await expect(lockDirectory(directory, clockOfNow())).rejects.toMatchObject({ code: 'locked' })
  expect(readdirSync(directory)).toEqual(['LOCK'])
  await release()
  expect(readdirSync(directory)).toEqual([])
  await (await lockDirectory(directory, clockOfNow()))()
})

test('lock: a living process keeps it, named by its id; a killed one loses it at once', async () => {
  await withVictim(
    async (pid) => {
      writeFileSync(lock, await lockOf(pid))
      await expect(lockDirectory(directory, clockOfNow())).rejects.toThrow(`in use by process ${pid}:`)
    },
    async () => {
      const release = await lockDirectory(directory, clockOfNow())
      expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject({ pid: process.pid })
      await release()
    },
  )
})

test('lock: a process id used again by another process does not count, where the system tells', async () => {
  await withVictim(
    async (pid) => {
      const holder = JSON.parse(await lockOf(pid)) as { started: string }
      writeFileSync(lock, JSON.stringify({ ...holder, started: String(Number(holder.started) - 100) }))
      const locking = lockDirectory(directory, clockOfNow())
      if (holder.started === '') await expect(locking).rejects.toMatchObject({ code: 'locked' })
      else await (await locking)()
    },
    async () => {},
  )
})

test('lock: of two that find it stale at once, one gets it', async () => {
  for (let round = 0; round < 20; round++) {
    await withStale()
    const tries = await Promise.allSettled([
      lockDirectory(directory, clockOfNow()),
      lockDirectory(directory, clockOfNow()),
    ])
    const got = tries.filter((one) => one.status === 'fulfilled')
    expect(got.length).toBe(1)
    for (const one of got) await one.value()
  }
})

async function withStale(): Promise<void> {
  const holder = JSON.parse(await lockOf(process.pid)) as object
  writeFileSync(lock, JSON.stringify({ ...holder, pid: 2 ** 22 + 1, started: '1' }))
}

test('lock: a holder elsewhere counts as alive while he touches the file', async () => {
  const holder = JSON.parse(await lockOf(process.pid)) as object
  const nowMs = systemClock.nowMs()
  writeFileSync(lock, JSON.stringify({ ...holder, namespace: 'pid:[1]', pid: 1 }))
  utimesSync(lock, nowMs / 1000, nowMs / 1000)
  const clock = new ManualClock(nowMs + 1000)
  const trying = lockDirectory(directory, clock)
  const failed = expect(trying).rejects.toMatchObject({ code: 'locked' })
  await waiting(clock)
  utimesSync(lock, nowMs / 1000 + 2, nowMs / 1000 + 2)
  clock.advance(6000)
  await failed
})

test('lock: a holder elsewhere who is silent has lost it, at once if he was silent before', async () => {
  const holder = JSON.parse(await lockOf(process.pid)) as object
  const nowMs = systemClock.nowMs()
  const content = JSON.stringify({ ...holder, boot: 'another boot', pid: 1 })
  writeFileSync(lock, content)
  utimesSync(lock, nowMs / 1000, nowMs / 1000)
  const clock = new ManualClock(nowMs + 1000)
  const trying = lockDirectory(directory, clock)
  await waiting(clock)
  clock.advance(6000)
  await (await trying)()
  writeFileSync(lock, content)
  utimesSync(lock, nowMs / 1000 - 60, nowMs / 1000 - 60)
  await (await lockDirectory(directory, new ManualClock(nowMs)))()
})

/** Until the lock waits for a sign of life. */
async function waiting(clock: ManualClock): Promise<void> {
  while (clock.pendingTimerCount === 0) await new Promise(setImmediate)
}

test('lock: a file with other content is held by nobody once it is old', async () => {
  writeFileSync(lock, 'garbage')
  utimesSync(lock, 1, 1)
  await (await lockDirectory(directory, clockOfNow()))()
})
