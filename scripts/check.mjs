/**
 * `npm run check`: types, lint, tidy and the unit tests, quiet unless something fails. `--all` adds the conformance,
 * crash and interop suites. Expects an installed and, for `--all`, buildable checkout.
 */
import { build } from './support/bundle.mjs'
import { lint, resultLine, suite, suiteNames, sumLine, types } from './support/suites.mjs'

const all = process.argv.includes('--all')
const results = []

function keep(result) {
  results.push(result)
  if (result.output !== '') process.stdout.write(`${result.output}\n`)
  process.stdout.write(resultLine(result))
}

for (const result of await Promise.all([types(), lint()])) keep(result)
if (all) await build()
for (const name of all ? suiteNames : ['unit']) keep(await suite(name))

const { failed, line } = sumLine(results)
process.stdout.write(`${line}\n`)
process.exitCode = failed === 0 ? 0 : 1
