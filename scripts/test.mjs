/**
 * `npm test`: everything, from a fresh clone. Installs what is missing, builds, runs types, lint and every suite, lists
 * what was skipped, and ends with the line `N passed, N failed`.
 *
 *     --only NAME       one suite, without types and lint (the build is skipped for `unit`)
 *     --runtime FILE    the node binary the suites run on; default: this one
 */
import { parseArgs } from 'node:util'
import { ensureInstalled } from './support/run.mjs'
import { lint, resultLine, suite, suiteNames, sumLine, types } from './support/suites.mjs'

const { values } = parseArgs({ options: { only: { type: 'string' }, runtime: { type: 'string' } } })
if (values.only !== undefined && !suiteNames.includes(values.only)) {
  process.stderr.write(`--only ${values.only}: no such suite; there are ${suiteNames.join(', ')}\n`)
  process.exit(64)
}

ensureInstalled()
const results = []

function keep(result) {
  results.push(result)
  process.stdout.write(result.output === '' ? '' : `${result.output}\n`)
}

if (values.only === undefined) for (const result of await Promise.all([types(), lint()])) keep(result)
if (values.only !== 'unit') keep(await built())
for (const name of values.only === undefined ? suiteNames : [values.only]) {
  process.stdout.write(`\n== ${name} ==\n`)
  keep(await suite(name, { loud: true, runtime: values.runtime }))
}
report()

/** A build that fails must not hide what the other checks found: it is one failed case, and the suites still run. */
async function built() {
  const startedMs = performance.now()
  const { build } = await import('./support/bundle.mjs')
  const result = { name: 'build', passed: 1, failed: 0, skipped: [], output: '', seconds: 0 }
  try {
    await build()
  } catch (error) {
    Object.assign(result, { passed: 0, failed: 1, output: String(error) })
  }
  result.seconds = (performance.now() - startedMs) / 1000
  return result
}

function report() {
  process.stdout.write('\n')
  for (const result of results) process.stdout.write(resultLine(result))
  const skipped = results.flatMap((result) => result.skipped)
  if (skipped.length > 0) process.stdout.write(`\nskipped:\n${skipped.map((name) => `  ${name}\n`).join('')}`)
  const { failed, line } = sumLine(results)
  process.stdout.write(`${line}\n`)
  process.exitCode = failed === 0 ? 0 : 1
}
