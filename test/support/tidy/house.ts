/** Walks the checkout and hands its files to the rules. Reads only what would be committed: nothing installed or built. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { circleProblems, importProblems, isTest, type Problem } from './import-rules.ts'
import { readSource, type SourceFacts } from './source-facts.ts'
import { sourceProblems } from './source-rules.ts'
import { pathProblems, textProblems } from './text-rules.ts'

const NOT_OURS = new Set(['node_modules', '.git', 'dist', 'data', '.cache', '.venv', 'coverage', '__pycache__'])
const TEXT = /\.(ts|mts|cts|js|mjs|json|md|py|sh|yml|yaml|txt|html|css)$|(^|\/)(busbar|run|LICENSE|Dockerfile|\.\w+)$/

/** Every problem of the checkout at `root`. */
export function houseProblems(root: string): Problem[] {
  const paths = listFiles(root, '')
  const read = (path: string): string => readFileSync(join(root, path), 'utf8')
  const exists = (path: string): boolean => existsSync(join(root, path))
  const problems: Problem[] = []
  const sources: SourceFacts[] = []
  for (const path of paths) {
    if (!TEXT.test(path)) continue
    const text = read(path)
    if (path !== 'package-lock.json') problems.push(...textProblems(path, text))
    if (path.endsWith('.md')) problems.push(...pathProblems(path, text, exists))
    if (!path.endsWith('.ts') || path.endsWith('.d.ts')) continue
    const source = readSource(path, text)
    sources.push(source)
    problems.push(...sourceProblems(source), ...importProblems(source))
    for (const { line, text: comment } of isTest(path) ? [] : source.comments) {
      for (const problem of pathProblems(path, comment, exists))
        problems.push({ ...problem, line: line + problem.line - 1 })
    }
  }
  problems.push(
    ...circleProblems(sources),
    ...decisionProblems(read, paths),
    ...lockProblems(read('package-lock.json')),
  )
  return problems
}

/** Each dependency has a place in docs/decisions that says what it saves. */
function decisionProblems(read: (path: string) => string, paths: readonly string[]): Problem[] {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>
  const decisions = paths.filter((path) => path.startsWith('docs/decisions/')).map(read)
  const problems: Problem[] = []
  for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies']) {
    for (const name of Object.keys(manifest[kind] ?? {})) {
      if (decisions.some((text) => text.includes(`\`${name}\``))) continue
      problems.push({ path: 'package.json', line: 1, text: `${name} has no line in docs/decisions` })
    }
  }
  return problems
}

/**
 * `npm ci` refuses a lock file that leaves out the packages of other platforms, which `npm install` writes without a word
 * when its registry does not have them.
 */
export function lockProblems(lockText: string): Problem[] {
  const { packages } = JSON.parse(lockText) as { packages: Record<string, { optionalDependencies?: object }> }
  const locked = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)))
  const problems: Problem[] = []
  for (const [path, { optionalDependencies }] of Object.entries(packages)) {
    for (const name of Object.keys(optionalDependencies ?? {})) {
      if (!locked.has(name))
        problems.push({ path: 'package-lock.json', line: 1, text: `${path} needs ${name}: not locked` })
    }
  }
  return problems
}

function listFiles(root: string, folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name)) continue
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...listFiles(root, path))
    else if (entry.isFile()) found.push(path)
  }
  return found
}

/** One line a problem, as an editor can open it. */
export function shown(problems: readonly Problem[]): string[] {
  return problems.map(({ path, line, text }) => `${path}:${line}: ${text}`)
}
