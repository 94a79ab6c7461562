/** The entry of the `busbar` command: hands the process to the program and turns its end into an exit code. */
import { failureOf } from './exit-codes.ts'
import { runProgram } from './program.ts'

const terminal = {
  out: (text: string): void => {
    process.stdout.write(text)
  },
  environment: process.env,
  columns: Math.min(process.stdout.columns ?? 100, 120),
}

try {
  const exitCode = await runProgram(
    process.argv.slice(2),
    {
      serve: async ({ config, warnings }) => {
        // What only a running broker needs is not loaded for the sake of --help.
        const [{ serve }, { busbarParts }] = await Promise.all([
          import('./serve.ts'),
          import('../server/busbar-parts.ts'),
        ])
        return serve(config, warnings, busbarParts)
      },
    },
    terminal,
  )
  process.exit(exitCode)
} catch (error) {
  const { exitCode, text } = failureOf(error)
  process.stderr.write(`busbar: ${text}\n`)
  process.exit(exitCode)
}
