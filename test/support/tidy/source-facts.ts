/**
 * Reads one TypeScript file into the plain facts that the rules judge: what it imports, how long its functions are,
 * which names it uses. Knows syntax only; what is allowed stands in the rules.
 */
import { parseSync } from 'rolldown/utils'

export interface Located {
  line: number
}

export interface ImportFact extends Located {
  specifier: string
}

export interface FunctionFact extends Located {
  name: string
  lineCount: number
}

export interface UseFact extends Located {
  /** A dotted name as written (`Date.now`), or a keyword fact: `any`, `new Date()`, `export default`, `export *`. */
  name: string
}

export interface SourceFacts {
  path: string
  text: string
  lineCount: number
  imports: ImportFact[]
  functions: FunctionFact[]
  uses: UseFact[]
  comments: (Located & { text: string })[]
  /** True when the file does nothing but hand on what others export. */
  onlyReExports: boolean
}

interface Node {
  type: string
  start: number
  end: number
  [key: string]: unknown
}

/** @throws {Error} when the file is not valid TypeScript, naming the file */
export function readSource(path: string, text: string): SourceFacts {
  const parsed = parseSync(path, text, {})
  const [error] = parsed.errors
  if (error) throw new Error(`${path}: ${error.message}`)
  const lineOf = lineFinder(text)
  const facts: SourceFacts = {
    path,
    text,
    lineCount: lineOf(text.endsWith('\n') ? text.length - 1 : text.length),
    imports: [],
    functions: [],
    uses: [],
    comments: parsed.comments.map((comment) => ({ line: lineOf(comment.start), text: comment.value })),
    onlyReExports: isBarrel(parsed.program.body as unknown as Node[]),
  }
  visit(parsed.program as unknown as Node, undefined, (node, parent) => collect(facts, node, parent, lineOf))
  return facts
}

function collect(facts: SourceFacts, node: Node, parent: Node | undefined, lineOf: (offset: number) => number): void {
  const line = lineOf(node.start)
  const source = node.source as Node | null | undefined
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      if (typeof source?.value === 'string') facts.imports.push({ line, specifier: source.value })
      break
    case 'ExportAllDeclaration':
      if (typeof source?.value === 'string') facts.imports.push({ line, specifier: source.value })
      facts.uses.push({ line, name: 'export *' })
      break
    case 'ExportDefaultDeclaration':
      facts.uses.push({ line, name: 'export default' })
      break
    case 'TSAnyKeyword':
      facts.uses.push({ line, name: 'any' })
      break
    case 'NewExpression':
      if (dottedName(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0) {
        facts.uses.push({ line, name: 'new Date()' })
      }
      break
    case 'MemberExpression': {
      const name = dottedName(node)
      if (name !== undefined) facts.uses.push({ line, name })
      break
    }
    case 'CallExpression': {
      const name = dottedName(node.callee)
      if (name !== undefined) facts.uses.push({ line, name: `${name}()` })
      break
    }
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      if (!isGrouping(parent)) {
        const start = parent?.type === 'MethodDefinition' ? parent.start : node.start
        facts.functions.push({
          line,
          name: functionName(node, parent),
          lineCount: lineOf(node.end) - lineOf(start) + 1,
        })
      }
      break
    default:
  }
}

/** `describe` only groups: the tests inside are judged one by one. */
function isGrouping(parent: Node | undefined): boolean {
  return parent?.type === 'CallExpression' && /^(describe|suite)(\.|$)/.test(calleeName(parent) ?? '')
}

/** The name of what is called, also for `describe.each(rows)('...', ...)` and tagged `describe.each`...``. */
function calleeName(call: Node): string | undefined {
  const callee = call.callee as Node
  if (callee.type === 'CallExpression') return calleeName(callee)
  if (callee.type === 'TaggedTemplateExpression') return dottedName(callee.tag)
  return dottedName(callee)
}

function functionName(node: Node, parent: Node | undefined): string {
  const named = (node.id ?? (parent?.type === 'CallExpression' ? undefined : (parent?.key ?? parent?.id))) as
    | Node
    | undefined
  if (typeof named?.name === 'string') return named.name
  const [title] = (parent?.type === 'CallExpression' ? parent.arguments : []) as Node[]
  return typeof title?.value === 'string' ? title.value : 'a function'
}

/** `a.b.c` for a chain of plain names, `a.b` also for `a['b']`; undefined for anything computed. */
function dottedName(value: unknown): string | undefined {
  const node = value as Node
  if (node.type === 'Identifier') return node.name as string
  if (node.type !== 'MemberExpression') return undefined
  const object = dottedName(node.object)
  const property = node.property as Node
  const name = node.computed === true ? property.value : property.name
  return object !== undefined && typeof name === 'string' ? `${object}.${name}` : undefined
}

function isBarrel(statements: Node[]): boolean {
  return (
    statements.length > 0 && statements.every((statement) => statement.type.startsWith('Export') && statement.source)
  )
}

function visit(node: Node, parent: Node | undefined, see: (node: Node, parent: Node | undefined) => void): void {
  see(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof (child as Node).type === 'string') {
        visit(child as Node, node, see)
      }
    }
  }
}

/** Offset to 1-based line, by binary search over the line starts. */
function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (starts[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
