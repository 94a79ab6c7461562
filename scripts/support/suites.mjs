/**
 * The checks of the house as functions: each runs one thing and answers how many cases passed, failed and were skipped.
 * `check` and `test` differ only in which of them they call and how much they print.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { installedCommand, root, runNode } from './run.mjs'

export const suiteNames = ['unit', 'conformance', 'crash', 'interop']

/** A command that either passes or fails as a whole counts as one case. */
async function oneCheck(name, args) {
  const run = await runNode(args)
  const passed = run.code === 0
  return {
    name,
    seconds: run.seconds,
    passed: passed ? 1 : 0,
    failed: passed ? 0 : 1,
    skipped: [],
    output: passed ? '' : run.output,
  }
}

export const types = () => oneCheck('types', [installedCommand('typescript', 'tsc'), '--noEmit'])

export const lint = () =>
  oneCheck('lint', [installedCommand('@biomejs/biome', 'biome'), 'check', '--error-on-warnings', '.'])

/** Runs one vitest project. `loud` shows vitest's own report as it goes, else it is kept and returned on failure. */
export async function suite(name, { loud = false, runtime, paths = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'busbar-report-'))
  const report = join(folder, 'report.json')
  try {
    const args = [installedCommand('vitest'), 'run', '--project', name, '--passWithNoTests', ...paths]
    args.push('--reporter=default', '--reporter=json', `--outputFile.json=${report}`)
    const run = await runNode(args, { inherit: loud, runtime, env: { FORCE_COLOR: '0', NO_COLOR: '1' } })
    const counts = nothingLeftOut(readReport(report, run.code))
    const left = counts.leftOut.map((test) => `not run, which is a failure here: ${test}\n`).join('')
    return { name, seconds: run.seconds, ...counts, output: counts.failed > 0 ? run.output + left : '' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Sums a vitest report. What the report cannot say counts as one failure: no report at all, a file that failed before
 * its first test, an error outside every test, a suite in which nothing ran.
 */
export function readReport(path, exitCode) {
  let report
  try {
    report = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { passed: 0, failed: 1, skipped: [] }
  }
  const total = { passed: 0, failed: 0, skipped: [] }
  for (const file of report.testResults) {
    let failedHere = 0
    for (const test of file.assertionResults) {
      if (test.status === 'passed') total.passed++
      else if (test.status === 'failed') failedHere++
      else total.skipped.push(`${relative(root, file.name)}: ${test.fullName}`)
    }
    total.failed += file.status === 'failed' ? Math.max(failedHere, 1) : failedHere
  }
  if (total.failed === 0 && (exitCode !== 0 || total.passed === 0)) total.failed = 1
  return total
}

/** A person's machine may lack a client, and the tests that need it are skipped. Under CI everything has to run. */
export function nothingLeftOut(counts, isCi = process.env.CI === 'true') {
  if (!isCi) return { ...counts, leftOut: [] }
  return { ...counts, failed: counts.failed + counts.skipped.length, skipped: [], leftOut: counts.skipped }
}

/** Adds results up into the one line every caller reads. */
export function sumLine(results) {
  let passed = 0
  let failed = 0
  let skipped = 0
  for (const result of results) {
    passed += result.passed
    failed += result.failed
    skipped += result.skipped.length
  }
  if (passed + failed === 0) failed = 1
  return { failed, line: `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}` }
}

/** One line a result: for a reader who wants to know what ran and how long it took. */
export function resultLine({ name, seconds, passed, failed, skipped }) {
  const counts = `${passed} passed${failed > 0 ? `, ${failed} FAILED` : ''}`
  const rest = skipped.length > 0 ? `, ${skipped.length} skipped` : ''
  return `${failed > 0 ? 'FAIL' : 'ok  '} ${name.padEnd(12)} ${counts}${rest} (${seconds.toFixed(1)} s)\n`
}
