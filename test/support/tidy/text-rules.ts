/** Rules for every text file, and for the documents: nothing left over, nothing of one machine, no path that is not there. */
import type { Problem } from './import-rules.ts'

/** Spelled in halves, so that this file obeys its own rule. */
const MARKER = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)
const MACHINE_PATH = new RegExp(
  `(?<![\\w.~-])/(${['wo' + 'rk', 'fa' + 'rm', 'ro' + 'ot', 'home/\\w+', 'Users/\\w+'].join('|')})/`,
)
const REGISTRY_HOST = new RegExp(
  [
    'registry\\.' + 'npmjs',
    'registry\\.' + 'yarn',
    'py' + 'pi\\.org',
    'deb\\.' + 'debian\\.org',
    'crates\\.' + 'io',
  ].join('|'),
)

export function textProblems(path: string, text: string): Problem[] {
  const problems: Problem[] = []
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1
    const marker = MARKER.exec(content)
    if (marker) problems.push({ path, line, text: `leftover marker ${marker[0]}` })
    const machinePath = MACHINE_PATH.exec(content)
    if (machinePath) problems.push({ path, line, text: `a path of one machine: ${machinePath[0]}` })
    const host = REGISTRY_HOST.exec(content)
    if (host) problems.push({ path, line, text: `names a registry's host: ${host[0]}` })
  }
  return problems
}

/** Paths of the house, as documents and comments write them. */
const HOUSE_PATH = /(?<![\w./@-])(?:\.\/)?((?:src|test|docs|scripts|bench|bin|web|\.ci)\/[\w@.*{},<>/-]*[\w/*}>])/g
const LINK = /\]\((?!https?:|mailto:|#)([^)\s#]+)/g

/** Every path of the house that `text` mentions and `exists` denies. Patterns (`*`, `{`, `<`) are not checked. */
export function pathProblems(path: string, text: string, exists: (path: string) => boolean): Problem[] {
  const problems: Problem[] = []
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  for (const [index, content] of text.split('\n').entries()) {
    const mentioned = [...content.matchAll(HOUSE_PATH)].map((match) => match[1]!)
    const linked = path.endsWith('.md') ? [...content.matchAll(LINK)].map((match) => joined(folder, match[1]!)) : []
    // A link is judged from its own folder; the same text must not be judged again as a path from the root.
    const targets =
      linked.length > 0 ? [...linked, ...mentioned.filter((name) => !content.includes(`(${name}`))] : mentioned
    for (const target of new Set(targets)) {
      if (/[*{}<>]/.test(target) || exists(target.replace(/\/$/, ''))) continue
      problems.push({ path, line: index + 1, text: `mentions ${target}, which does not exist` })
    }
  }
  return problems
}

function joined(folder: string, relative: string): string {
  const parts = folder === '' ? [] : folder.split('/')
  for (const part of relative.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
