/** What a source file may hold: its size, the size of its functions, and the names that stand only in certain rooms. */
import { isTest, type Problem } from './import-rules.ts'
import type { SourceFacts } from './source-facts.ts'

const FILE_LINES_MAX = 400
const DATA_FILE_LINES_MAX = 800
const FUNCTION_LINES_MAX = 60

/** Time and chance come in as arguments, so these stand in base/ alone. `test/` runs real processes and may wait. */
const TIME_AND_CHANCE = new Set([
  'Date.now',
  'new Date()',
  'performance.now',
  'process.hrtime',
  'process.hrtime.bigint',
  'Math.random',
  'setTimeout()',
  'setInterval()',
  'globalThis.setTimeout',
  'globalThis.setInterval',
])

/** A test that does not run, or hides the others. */
const UNRUN_TEST = /^(it|test|describe|suite)(\.\w+)*\.(skip|only|todo|skipIf|runIf|fails)$/

export function sourceProblems(file: SourceFacts): Problem[] {
  return [...shapeProblems(file), ...useProblems(file), ...commentProblems(file)]
}

function shapeProblems(file: SourceFacts): Problem[] {
  const { path } = file
  const problems: Problem[] = []
  const linesMax = /\.data\.ts$/.test(path) && isTest(path) ? DATA_FILE_LINES_MAX : FILE_LINES_MAX
  if (file.lineCount > linesMax && !path.endsWith('.gen.ts')) {
    problems.push({ path, line: linesMax, text: `${file.lineCount} lines; a file has at most ${linesMax}` })
  }
  for (const { name, line, lineCount } of file.functions) {
    if (lineCount > FUNCTION_LINES_MAX) {
      problems.push({ path, line, text: `${name}: ${lineCount} lines; a function has at most ${FUNCTION_LINES_MAX}` })
    }
  }
  if (/(^|\/)index\.\w+$/.test(path) || file.onlyReExports) problems.push({ path, line: 1, text: 'a barrel file' })
  if (/(^|\/)utils?(\/|\.\w+$)/.test(path)) problems.push({ path, line: 1, text: 'utils: name it after what it does' })
  if (!/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(path.split('/').at(-1)!)) {
    problems.push({ path, line: 1, text: 'file names are in kebab-case' })
  }
  return problems
}

function useProblems(file: SourceFacts): Problem[] {
  const problems: Problem[] = []
  for (const { name, line } of file.uses) {
    const text = useProblem(file.path, name)
    if (text !== undefined) problems.push({ path: file.path, line, text })
  }
  for (const { specifier, line } of file.imports) {
    if (/^(node:)?timers(\/promises)?$/.test(specifier) && inHouse(file.path) && !inRoom(file.path, 'base')) {
      problems.push({ path: file.path, line, text: `${specifier} outside src/base: hand in the clock` })
    }
  }
  return problems
}

function useProblem(path: string, name: string): string | undefined {
  if (name === 'any') return '`any`: use unknown and narrow it'
  if (UNRUN_TEST.test(name)) return `${name}: every test runs`
  if (isTest(path) && /\.skip\(\)$/.test(name) && !/^test\/(interop|support)\//.test(path))
    return `${name}: every test runs`
  if (!inHouse(path)) return undefined
  if (name === 'export default') return 'default export: use a named one'
  if (name === 'export *') return 'export *: name what is exported'
  if (TIME_AND_CHANCE.has(name) && !inRoom(path, 'base')) return `${name} outside src/base: hand in clock or random`
  if (name === 'process.env' && !isTest(path) && !inRoom(path, 'config') && !inRoom(path, 'cli')) {
    return 'process.env outside src/config and src/cli: hand the value in'
  }
  return undefined
}

function commentProblems(file: SourceFacts): Problem[] {
  const problems: Problem[] = []
  for (const { line, text } of file.comments) {
    const barred = /@ts-(ignore|nocheck)/.exec(text) ?? (isTest(file.path) ? null : /@ts-expect-error/.exec(text))
    if (barred) problems.push({ path: file.path, line, text: `${barred[0]}: mend the types` })
  }
  return problems
}

const inHouse = (path: string): boolean => path.startsWith('src/')
const inRoom = (path: string, room: string): boolean => path.startsWith(`src/${room}/`)
