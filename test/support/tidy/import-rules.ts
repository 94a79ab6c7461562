/**
 * Who may import whom: floors, siblings, doors, circles. Type imports count as much as values: a type ties two files
 * together just as well.
 */
import type { SourceFacts } from './source-facts.ts'

export interface Problem {
  path: string
  line: number
  text: string
}

/**
 * A file imports from its own room or from a lower floor. The command stands on top of the server it starts; see
 * docs/decisions/house.md.
 */
export const FLOORS: Readonly<Record<string, number>> = {
  cli: 8,
  server: 7,
  protocols: 6,
  management: 6,
  broker: 5,
  access: 4,
  storage: 3,
  net: 3,
  message: 2,
  telemetry: 2,
  config: 2,
  base: 1,
}

/** The only files of the broker that a protocol may see. */
const BROKER_DOORS = ['src/broker/session.ts', 'src/broker/queues/consumer.ts']
const isDoor = (file: string): boolean => BROKER_DOORS.includes(file) || file.endsWith('-door.ts')

/** Built-in modules that a room has no business with, however low they stand. */
const BUILT_INS_BARRED: Readonly<Record<string, RegExp>> = {
  broker: /^node:(net|tls|fs|http|https|dgram)(\/|$)/,
  message: /^node:(net|tls|fs|http|https|dgram)(\/|$)/,
  storage: /^node:(net|tls|http|https|dgram)(\/|$)/,
}

/** What `wire/` may use besides base: packages that turn bytes into bytes and reach nothing else. */
const BYTES_ONLY: ReadonlySet<string> = new Set(['node:buffer', 'node:zlib', 'fzstd'])

/** Tests, and what only tests use (`test-kit.ts`). */
export function isTest(path: string): boolean {
  return path.startsWith('test/') || /[./-]test(-kit)?\.ts$/.test(path)
}

/** `src/protocols/amqp/wire/frame.ts` -> `protocols`. Undefined outside src. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

/** The folder `<parent>/<name>/` that `path` stands in: `src/protocols/amqp/`. */
function folderUnder(path: string, parent: string): string | undefined {
  if (!path.startsWith(parent)) return undefined
  const end = path.indexOf('/', parent.length)
  return end === -1 ? undefined : path.slice(0, end + 1)
}

/** Where a relative import leads, from the root of the house. */
export function resolveImport(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

export function importProblems(file: SourceFacts): Problem[] {
  const room = roomOf(file.path)
  if (room === undefined) return []
  if (FLOORS[room] === undefined) return [{ path: file.path, line: 1, text: `"${room}" is not a room of the house` }]
  const problems: Problem[] = []
  for (const { specifier, line } of file.imports) {
    const text = specifier.startsWith('.')
      ? relativeProblem(file.path, room, resolveImport(file.path, specifier))
      : packageProblem(file.path, room, specifier)
    if (text !== undefined) problems.push({ path: file.path, line, text })
  }
  return problems
}

function relativeProblem(from: string, room: string, to: string): string | undefined {
  const target = roomOf(to)
  if (target === undefined) {
    return isTest(from) || to === 'package.json' ? undefined : `imports ${to}, which lies outside src`
  }
  if (target !== room && !(FLOORS[target]! < FLOORS[room]!)) {
    return `imports ${to}: ${room} (floor ${FLOORS[room]}) may not reach ${target} (floor ${FLOORS[target] ?? 'none'})`
  }
  if (isTest(to) && !isTest(from)) return `imports ${to}, which is for tests`
  return (
    (isTest(from) ? undefined : wireProblem(from, to)) ?? siblingProblem(from, room, to) ?? doorProblem(from, room, to)
  )
}

function wireProblem(from: string, to: string): string | undefined {
  const wire = /^src\/protocols\/[^/]+\/wire\//.exec(from)?.[0]
  if (wire === undefined || to.startsWith(wire) || to.startsWith('src/base/')) return undefined
  return `imports ${to}: wire/ imports only base`
}

/** Kinds of one thing never meet; only the one place that chooses among them names them. */
function siblingProblem(from: string, room: string, to: string): string | undefined {
  const protocol = folderUnder(to, 'src/protocols/')
  if (protocol !== undefined && !from.startsWith(protocol) && room !== 'server') {
    return `imports ${to}: a concrete protocol is named only in server/`
  }
  const engine = folderUnder(to, 'src/storage/engines/')
  if (engine !== undefined && !from.startsWith(engine) && from !== 'src/storage/open-storage.ts' && !isTest(from)) {
    return `imports ${to}: a concrete engine is named only in src/storage/open-storage.ts`
  }
  return undefined
}

function doorProblem(from: string, room: string, to: string): string | undefined {
  if (isTest(from)) return undefined
  if (room === 'protocols' && to.startsWith('src/broker/') && !isDoor(to)) {
    return `imports ${to}: protocols see the broker only through ${BROKER_DOORS.join(', ')} and files named *-door.ts`
  }
  if (room === 'storage' && to.startsWith('src/message/')) return `imports ${to}: storage knows no messages`
  if (room === 'broker' && to.startsWith('src/net/')) return `imports ${to}: the broker knows no sockets`
  return undefined
}

function packageProblem(from: string, room: string, specifier: string): string | undefined {
  if (isTest(from)) return undefined
  const isBuiltIn = specifier.startsWith('node:')
  if (/^src\/protocols\/[^/]+\/wire\//.test(from) && !BYTES_ONLY.has(specifier))
    return `imports ${specifier}: wire/ imports only base`
  if (room === 'base' && !isBuiltIn) return `imports ${specifier}: base imports nothing but node:`
  if (BUILT_INS_BARRED[room]?.test(specifier)) return `imports ${specifier}: not in ${room}/`
  return undefined
}

/** Every group of files that import each other in a ring, each told once. */
export function circleProblems(files: readonly SourceFacts[]): Problem[] {
  const edges = new Map<string, string[]>()
  for (const file of files) edges.set(file.path, [])
  for (const file of files) {
    for (const { specifier } of file.imports) {
      const to = specifier.startsWith('.') ? resolveImport(file.path, specifier) : undefined
      if (to !== undefined && edges.has(to)) edges.get(file.path)!.push(to)
    }
  }
  const state = new Map<string, 'open' | 'done'>()
  const problems: Problem[] = []
  const trail: string[] = []
  const walk = (path: string): void => {
    state.set(path, 'open')
    trail.push(path)
    for (const to of edges.get(path)!) {
      if (state.get(to) === 'open') {
        const ring = [...trail.slice(trail.indexOf(to)), to]
        problems.push({ path: to, line: 1, text: `import circle: ${ring.join(' -> ')}` })
      } else if (!state.has(to)) walk(to)
    }
    trail.pop()
    state.set(path, 'done')
  }
  for (const path of edges.keys()) if (!state.has(path)) walk(path)
  return problems
}
