/**
 * A Python that can import the client libraries the interop programs need: first a private virtual environment under
 * `.cache/`, made once from the pinned requirements on PyPI; where that cannot be had, a Python of this machine that
 * happens to have the module (Debian's python3-pika, python3-celery), unless it matters which version that is.
 *
 * Where neither works, a person sees a skipped test that says what to install. In CI that is a failure: a suite that
 * silently judges nothing is worse than a red one.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Program } from './program.ts'

export type Python = { kind: 'ready'; executable: string } | { kind: 'missing'; reason: string }

/** The file that brings a client, its module, and whether any version of it that a Python may have will do. */
type Source = { requirements: string; module: string; anyVersion: boolean }

const sources = {
  pika: { requirements: 'python-requirements.txt', module: 'pika', anyVersion: true },
  celery: { requirements: 'python-requirements.txt', module: 'celery', anyVersion: true },
  'kafka-python': { requirements: 'python-kafka-requirements.txt', module: 'kafka', anyVersion: false },
  'kafka-python 2.0.2': { requirements: 'python-kafka-old-requirements.txt', module: 'kafka', anyVersion: false },
  'confluent-kafka': { requirements: 'python-kafka-requirements.txt', module: 'confluent_kafka', anyVersion: true },
} satisfies Record<string, Source>

export type PythonClient = keyof typeof sources

const cacheDirectory = fileURLToPath(new URL('../../../.cache', import.meta.url))
const LOCK_POLL_MS = 200

const environments = new Map<string, Promise<Python>>()

/** A Python that has this client. @throws where CI=true and there is none */
export async function pythonWith(client: PythonClient): Promise<Python> {
  const source: Source = sources[client]
  const environment = environments.get(source.requirements) ?? prepare(source.requirements)
  environments.set(source.requirements, environment)
  const prepared = await environment
  const found = prepared.kind === 'ready' ? await checked(prepared, source) : await fallback(prepared, client, source)
  if (found.kind === 'missing' && process.env['CI'] === 'true') throw new Error(found.reason)
  return found
}

/** An old client can be installed for a Python that is too new to run it. */
async function checked(python: { executable: string }, { module, anyVersion }: Source): Promise<Python> {
  const { executable } = python
  if (anyVersion || (await succeeds(executable, ['-c', `import ${module}`]))) return { kind: 'ready', executable }
  return { kind: 'missing', reason: `this python3 is too new for the ${module} of its requirements` }
}

async function fallback({ reason }: { reason: string }, client: PythonClient, source: Source): Promise<Python> {
  if (!source.anyVersion) return { kind: 'missing', reason }
  for (const executable of ['python3', '/usr/bin/python3']) {
    if (await succeeds(executable, ['-c', `import ${source.module}`])) return { kind: 'ready', executable }
  }
  const advice = `no Python here has ${source.module} (Debian, Ubuntu: apt install python3-${client})`
  return { kind: 'missing', reason: `${reason}; and ${advice}` }
}

async function prepare(requirementsName: string): Promise<Python> {
  const requirementsFile = fileURLToPath(new URL(`./${requirementsName}`, import.meta.url))
  const requirements = await readFile(requirementsFile, 'utf8')
  const version = await output('python3', ['--version'])
  if (version === undefined) return { kind: 'missing', reason: 'python3 is not installed' }
  // Another Python means other wheels, so its version is part of the name.
  const key = createHash('sha256').update(version).update(requirements).digest('hex').slice(0, 16)
  const directory = join(cacheDirectory, `python-${key}`)
  const executable = join(directory, 'bin', 'python')
  const alone = await lock(`${directory}.lock`, () => existsSync(executable))
  try {
    if (existsSync(executable)) return { kind: 'ready', executable }
    const failure = await install(directory, requirementsFile)
    return failure === undefined ? { kind: 'ready', executable } : { kind: 'missing', reason: failure }
  } finally {
    await alone.release()
  }
}

/** Makes it beside its place and moves it there whole: a half-made environment never has the final name. */
async function install(directory: string, requirementsFile: string): Promise<string | undefined> {
  const partial = `${directory}.partial`
  await rm(partial, { recursive: true, force: true })
  const made = new Program('python3', ['-m', 'venv', partial])
  if ((await made.ending).code !== 0) {
    await rm(partial, { recursive: true, force: true })
    const said = [...made.lines, made.complaint].join('\n')
    return /ensurepip/.test(said)
      ? 'python3 cannot make virtual environments (Debian, Ubuntu: apt install python3-venv)'
      : `python3 -m venv failed: ${said.trim()}`
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input']
  const installed = new Program(join(partial, 'bin', 'python'), [...pip, '-r', requirementsFile])
  if ((await installed.ending).code !== 0) {
    await rm(partial, { recursive: true, force: true })
    return `pip could not install the Python clients: ${lastLine(installed.complaint)}`
  }
  await rename(partial, directory)
  return undefined
}

/**
 * Test files run in several processes at once, and one of them should do the work. The lock is a file with its owner's
 * process id; a lock whose owner is gone is taken over. `needless` ends the wait early.
 */
async function lock(path: string, needless: () => boolean): Promise<{ release: () => Promise<void> }> {
  await mkdir(cacheDirectory, { recursive: true })
  for (;;) {
    if (needless()) return { release: async () => {} }
    try {
      const file = await open(path, 'wx')
      await file.writeFile(String(process.pid))
      await file.close()
      return { release: () => rm(path, { force: true }) }
    } catch (error) {
      if (!isExisting(error)) throw error
    }
    if (!(await ownerLives(path))) await rm(path, { force: true })
    else await delay(LOCK_POLL_MS)
  }
}

async function ownerLives(path: string): Promise<boolean> {
  try {
    const text = await readFile(path, 'utf8')
    // Created and not yet written: its owner is between the two steps.
    if (text === '') return true
    process.kill(Number(text), 0)
    return true
  } catch {
    return false
  }
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return (await new Program(command, args).ending).code === 0
}

async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  const program = new Program(command, args)
  return (await program.ending).code === 0 ? program.lines.join('\n') : undefined
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
