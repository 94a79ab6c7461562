/** How results are counted decides what a green line means, so the counting is tested itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

interface Counts {
  passed: number
  failed: number
  skipped: string[]
}

interface Suites {
  readReport(path: string, exitCode: number): Counts
  nothingLeftOut(counts: Counts, isCi: boolean): Counts & { leftOut: string[] }
  sumLine(results: Counts[]): { failed: number; line: string }
}

// Plain JavaScript without types, because it runs before anything is installed.
const suitesFile = new URL('../../../scripts/support/suites.mjs', import.meta.url).href
const { readReport, nothingLeftOut, sumLine } = (await import(suitesFile)) as Suites

const folder = mkdtempSync(join(tmpdir(), 'busbar-suites-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function read(exitCode: number, ...files: { status: string; tests: string[] }[]): Counts {
  const path = join(folder, 'report.json')
  const testResults = files.map(({ status, tests }) => ({
    name: join(folder, 'x.test.ts'),
    status,
    assertionResults: tests.map((result, index) => ({ status: result, fullName: `case ${index}` })),
  }))
  writeFileSync(path, JSON.stringify({ testResults }))
  return readReport(path, exitCode)
}

test('counting: passed, failed and skipped cases are summed over files', () => {
  const counts = read(
    1,
    { status: 'failed', tests: ['passed', 'failed'] },
    { status: 'passed', tests: ['passed', 'skipped'] },
  )
  expect(counts).toMatchObject({ passed: 2, failed: 1 })
  expect(counts.skipped).toHaveLength(1)
})

test('counting: what the report cannot say is a failure', () => {
  expect(readReport(join(folder, 'none.json'), 0).failed).toBe(1)
  expect(read(0).failed).toBe(1)
  expect(read(0, { status: 'passed', tests: ['skipped'] }).failed).toBe(1)
  expect(read(1, { status: 'passed', tests: ['passed'] })).toMatchObject({ passed: 1, failed: 1 })
  expect(read(1, { status: 'failed', tests: [] }, { status: 'passed', tests: ['passed'] })).toMatchObject({
    passed: 1,
    failed: 1,
  })
})

test('counting: a skipped test is shown to a person and is a failure under CI', () => {
  const counts = { passed: 3, failed: 0, skipped: ['a', 'b'] }
  expect(sumLine([nothingLeftOut(counts, false)])).toEqual({ failed: 0, line: '3 passed, 0 failed, 2 skipped' })
  expect(sumLine([nothingLeftOut(counts, true)])).toEqual({ failed: 2, line: '3 passed, 2 failed' })
  expect(sumLine([]).failed).toBe(1)
})
