/**
 * A generator process: takes one job from its parent, runs it, answers and ends. A process for each run, so that no run
 * profits from, or pays for, what another left behind.
 */
import { isJob } from './job.ts'
import { runJob } from './run-job.ts'

function answer(message: object): void {
  process.send?.(message, () => process.exit(0))
}

process.once('message', (message: unknown) => {
  if (!isJob(message)) return answer({ kind: 'failed', text: 'this is no job' })
  runJob(message).then(
    (result) => answer({ kind: 'done', result }),
    (error: unknown) => answer({ kind: 'failed', text: error instanceof Error ? error.message : String(error) }),
  )
})

// Without a parent there is nobody to answer: a generator never runs on alone.
process.once('disconnect', () => process.exit(1))
