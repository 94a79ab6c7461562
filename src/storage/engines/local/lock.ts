/**
 * One process to a data directory. Node has no `flock`, so the file LOCK names its holder well enough to tell whether he
 * still lives: process id, the moment that process began, the boot and the process namespace this is true in. After a
 * `kill -9` the next start sees at once that nobody holds it. From another container or machine a process id means
 * nothing; there the holder counts as alive while he touches the file, which he does every `BEAT_MS`.
 */
import { promises } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { StorageError } from '../../../base/errors.ts'
import { systemCode } from './world-error.ts'

const BEAT_MS = 2000
/** Without a beat for this long the holder is gone. */
const SILENCE_MS = 6000
/** Nobody loses so many races for a stale lock. */
const ATTEMPTS = 20

/** Tells apart the temporary files of several calls in one process. */
let serial = 0

interface Holder {
  readonly pid: number
  /** Clock ticks since boot at which the process began; empty where the system does not say. */
  readonly started: string
  readonly boot: string
  readonly namespace: string
}

/** @throws {StorageError} 'locked', naming the holder's process id */
export async function lockDirectory(directory: string, clock: Clock): Promise<() => Promise<void>> {
  const path = join(directory, 'LOCK')
  const content = `${JSON.stringify(await describeSelf())}\n`
  const own = `${path}.${process.pid}.${++serial}.tmp`
  try {
    await promises.writeFile(own, content, { mode: 0o640 })
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await tryLink(own, path)) return holdLock(path, content, clock)
      await removeIfStale(path, directory, clock)
    }
  } finally {
    await promises.rm(own, { force: true })
  }
  throw new StorageError('locked', `the data directory ${directory} is being taken by several processes at once`)
}

/** `link` makes the name with its content in one step, and fails where the name exists. */
async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await promises.link(own, path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function holdLock(path: string, content: string, clock: Clock): () => Promise<void> {
  let released = false
  const beat = (): void => {
    if (released) return
    const now = new Date(clock.nowMs())
    // A missed beat is no reason to stop working; the file may be on a disk that is full or slow.
    promises.utimes(path, now, now).catch(() => {})
    clock.after(BEAT_MS, beat)
  }
  clock.after(BEAT_MS, beat)
  return async () => {
    if (released) return
    released = true
    const found = await promises.readFile(path, 'utf8').catch(() => undefined)
    if (found === content) await promises.rm(path, { force: true })
  }
}

/** @throws {StorageError} 'locked' when the holder lives */
async function removeIfStale(path: string, directory: string, clock: Clock): Promise<void> {
  const found = await promises.readFile(path, 'utf8').catch(() => undefined)
  if (found === undefined) return
  const holder = parseHolder(found)
  if (await isAlive(holder, path, clock)) {
    const who = holder === undefined ? 'another process' : `process ${holder.pid}`
    throw new StorageError(
      'locked',
      `the data directory ${directory} is in use by ${who}: stop it, or use another directory`,
    )
  }
  // Taken aside before it is removed: if somebody was faster, it is his new lock that we hold, and he gets it back.
  const aside = `${path}.${process.pid}.${++serial}.stale.tmp`
  try {
    await promises.rename(path, aside)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  if ((await promises.readFile(aside, 'utf8')) !== found) await tryLink(aside, path)
  await promises.rm(aside, { force: true })
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, started, boot, namespace } = value as Partial<Holder>
    if (typeof pid !== 'number' || typeof started !== 'string') return undefined
    if (typeof boot !== 'string' || typeof namespace !== 'string') return undefined
    return { pid, started, boot, namespace }
  } catch {
    return undefined
  }
}

async function isAlive(holder: Holder | undefined, path: string, clock: Clock): Promise<boolean> {
  const self = await describeSelf()
  // Only here does the process id mean what it meant to the holder.
  if (holder !== undefined && holder.boot === self.boot && holder.namespace === self.namespace) {
    return isProcessAlive(holder)
  }
  const before = await beatOf(path)
  if (before === undefined) return false
  const ageMs = clock.nowMs() - before
  if (ageMs > SILENCE_MS) return false
  await new Promise<void>((resolve) => keepAlive(clock, SILENCE_MS, resolve))
  return (await beatOf(path)) !== before
}

/** Our timers do not keep a process alive; a start that waits for a lock must. */
function keepAlive(clock: Clock, delayMs: number, fn: () => void): void {
  const channel = new MessageChannel()
  channel.port1.on('message', () => {})
  clock.after(delayMs, () => {
    channel.port1.close()
    fn()
  })
}

async function beatOf(path: string): Promise<number | undefined> {
  const stat = await promises.stat(path).catch(() => undefined)
  return stat?.mtimeMs
}

async function isProcessAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it is there, but another user's.
    if (systemCode(error) !== 'EPERM') return false
  }
  // A process id is used again some day; the moment of its beginning is not.
  const started = await startOf(holder.pid)
  return started === undefined || holder.started === '' || started === holder.started
}

async function describeSelf(): Promise<Holder> {
  const boot = await promises.readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const namespace = await promises.readlink('/proc/self/ns/pid').catch(() => '')
  return { pid: process.pid, started: (await startOf(process.pid)) ?? '', boot: boot.trim(), namespace }
}

/** Field 22 of /proc/PID/stat. The second field, the name, may contain blanks and parentheses. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await promises.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}
