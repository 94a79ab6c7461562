/** The parent's side of the generator: starts a process for a job and waits for its answer; starts and ends the sink. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isAnswer, type Job, type LoadResult } from './job.ts'

/** All bundles lie side by side. */
const workerPath = fileURLToPath(new URL('./worker.mjs', import.meta.url))
const sinkPath = fileURLToPath(new URL('./sink.mjs', import.meta.url))

/** What a generator prints can only be a complaint; stdout belongs to the report. */
function start(path: string): ChildProcess {
  return fork(path, { stdio: ['ignore', 2, 2, 'ipc'] })
}

/** Connecting, declaring and deleting take their time besides the work itself. */
const EXTRA_TIME_MS = 60_000
/** A broker that moves fewer messages a second than this has stopped. */
const COUNTED_PER_SECOND_MIN = 500

function timeLimitMs(job: Job): number {
  const workMs = job.kind === 'measure' ? job.warmupMs + job.measureMs : (job.count / COUNTED_PER_SECOND_MIN) * 1000
  return workMs + EXTRA_TIME_MS
}

/** Runs a job in a process of its own. Rejects when the job failed or did not end in time. */
export async function generate(job: Job): Promise<LoadResult> {
  const child = start(workerPath)
  const limitMs = timeLimitMs(job)
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  try {
    const answered = once(child, 'message')
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the generator ended without an answer (${signal ?? code}) within ${limitMs / 1000} s`)
    })
    // It ends after its answer too, when nobody listens any more.
    ended.catch(() => {})
    child.send(job)
    const [answer] = await Promise.race([answered, ended])
    if (!isAnswer(answer)) throw new Error('the generator gave no answer')
    if (answer.kind === 'failed') throw new Error(answer.text)
    return answer.result
  } finally {
    clearTimeout(timer)
  }
}

export interface Sink {
  readonly port: number
  readonly pid: number
  stop(): void
}

export async function startSink(): Promise<Sink> {
  const child = start(sinkPath)
  const [message]: unknown[] = await once(child, 'message')
  const isPort = typeof message === 'object' && message !== null && 'port' in message
  if (!isPort || typeof message.port !== 'number' || child.pid === undefined) throw new Error('the sink did not start')
  return { port: message.port, pid: child.pid, stop: () => child.disconnect() }
}
