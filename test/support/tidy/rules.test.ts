import { expect, test } from 'vitest'
import { lockProblems } from './house.ts'
import { circleProblems, importProblems } from './import-rules.ts'
import { readSource } from './source-facts.ts'
import { sourceProblems } from './source-rules.ts'
import { pathProblems, textProblems } from './text-rules.ts'

const imports = (path: string, ...specifiers: string[]): string[] =>
  importProblems(readSource(path, specifiers.map((name) => `import '${name}'\n`).join(''))).map(
    (problem) => problem.text,
  )

const source = (path: string, text: string): string[] =>
  sourceProblems(readSource(path, text)).map((problem) => problem.text)

test('tidy floors: a lower floor and the own room are fine, a higher floor and a room next door are not', () => {
  expect(imports('src/broker/a.ts', './b.ts', './queues/c.ts', '../storage/contract.ts', '../base/clock.ts')).toEqual(
    [],
  )
  expect(imports('src/broker/a.ts', '../protocols/protocol.ts')).toHaveLength(1)
  expect(imports('src/storage/a.ts', '../net/listener.ts')).toHaveLength(1)
  expect(imports('src/base/a.ts', '../config/config.ts')).toHaveLength(1)
  expect(imports('src/server/a.ts', '../cli/main.ts')).toHaveLength(1)
  expect(imports('src/cli/a.ts', '../server/server.ts')).toEqual([])
  expect(imports('src/attic/a.ts')).toEqual(['"attic" is not a room of the house'])
})

test('tidy floors: types, re-exports, dynamic imports and import types count like any import', () => {
  const path = 'src/base/a.ts'
  const up = '../broker/b.ts'
  for (const text of [
    `import type { B } from '${up}'`,
    `export { b } from '${up}'`,
    `export * from '${up}'`,
    `const b = await import('${up}')`,
    `export type C = import('${up}').B`,
  ]) {
    expect(importProblems(readSource(path, text)), text).toHaveLength(1)
  }
})

test('tidy siblings: protocols never meet, and only the server names one', () => {
  expect(imports('src/protocols/kafka/a.ts', '../amqp/channel.ts')).toHaveLength(1)
  expect(imports('src/protocols/kafka/a.test.ts', '../amqp/channel.ts')).toHaveLength(1)
  expect(imports('src/protocols/protocol.ts', './amqp/channel.ts')).toHaveLength(1)
  expect(imports('src/management/a.ts', '../protocols/amqp/channel.ts')).toHaveLength(1)
  expect(imports('src/cli/a.ts', '../protocols/amqp/channel.ts')).toHaveLength(1)
  expect(imports('src/server/a.ts', '../protocols/amqp/amqp.ts')).toEqual([])
  expect(imports('src/protocols/amqp/a.ts', './channel.ts', '../protocol.ts', './wire/frame.ts')).toEqual([])
})

test('tidy doors: protocols see two files of the broker, wire sees base, storage sees no message', () => {
  expect(imports('src/protocols/amqp/a.ts', '../../broker/session.ts', '../../broker/queues/consumer.ts')).toEqual([])
  expect(imports('src/protocols/amqp/a.ts', '../../broker/queues/queue.ts')).toHaveLength(1)
  expect(imports('src/protocols/amqp/a.test.ts', '../../broker/queues/queue.ts')).toEqual([])
  expect(imports('src/protocols/amqp/wire/a.ts', './b.ts', '../../../base/errors.ts')).toEqual([])
  expect(imports('src/protocols/amqp/wire/a.ts', '../../../net/socket-writer.ts')).toHaveLength(1)
  expect(imports('src/protocols/amqp/wire/a.ts', '../channel.ts')).toHaveLength(1)
  expect(imports('src/protocols/amqp/wire/a.ts', 'node:fs')).toHaveLength(1)
  expect(imports('src/protocols/amqp/wire/a.ts', 'node:buffer', 'node:zlib')).toEqual([])
  expect(imports('src/protocols/amqp/wire/a.ts', 'pino')).toHaveLength(1)
  expect(imports('src/protocols/amqp/wire/a.ts', './test-kit.ts')).toHaveLength(1)
  expect(imports('src/protocols/amqp/wire/a.test.ts', './test-kit.ts', 'fast-check')).toEqual([])
  expect(imports('src/storage/a.ts', '../message/message.ts')).toHaveLength(1)
  expect(imports('src/broker/a.ts', '../net/listener.ts')).toHaveLength(1)
  expect(imports('src/broker/a.ts', 'node:fs/promises')).toHaveLength(1)
  expect(imports('src/broker/a.ts', 'node:crypto')).toEqual([])
  expect(imports('src/base/a.ts', 'pino')).toHaveLength(1)
})

test('tidy engines: only open-storage names one, and engines never meet', () => {
  expect(imports('src/storage/open-storage.ts', './engines/local/local-storage.ts')).toEqual([])
  expect(imports('src/storage/engines/local/a.ts', './b.ts', '../../contract.ts')).toEqual([])
  expect(imports('src/storage/engines/local/a.ts', '../memory/memory-storage.ts')).toHaveLength(1)
  expect(imports('src/server/server.ts', '../storage/engines/memory/memory-storage.ts')).toHaveLength(1)
})

test('tidy circles: a ring is told once with its path, a diamond is no ring', () => {
  const file = (path: string, ...to: string[]) =>
    readSource(path, to.map((name) => `import type {} from './${name}.ts'\n`).join(''))
  const diamond = [
    file('src/base/a.ts', 'b', 'c'),
    file('src/base/b.ts', 'd'),
    file('src/base/c.ts', 'd'),
    file('src/base/d.ts'),
  ]
  expect(circleProblems(diamond)).toEqual([])
  const ring = [file('src/base/a.ts', 'b'), file('src/base/b.ts', 'c'), file('src/base/c.ts', 'b')]
  expect(circleProblems(ring).map((problem) => problem.text)).toEqual([
    'import circle: src/base/b.ts -> src/base/c.ts -> src/base/b.ts',
  ])
})

test('tidy size: 400 lines a file and 60 a function pass, one more fails', () => {
  const lines = (count: number): string => 'const a = 1\n'.repeat(count)
  expect(source('src/net/a.ts', lines(400))).toEqual([])
  expect(source('src/net/a.ts', lines(401))).toHaveLength(1)
  expect(source('test/conformance/a.data.ts', lines(800))).toEqual([])
  const body = (count: number): string => '\n'.repeat(count - 1)
  expect(source('src/net/a.ts', `function f() {${body(60)}}`)).toEqual([])
  expect(source('src/net/a.ts', `function f() {${body(61)}}`)).toEqual(['f: 61 lines; a function has at most 60'])
  expect(source('src/net/a.ts', `class A { m(): void {${body(61)}} }`)).toEqual([
    'm: 61 lines; a function has at most 60',
  ])
  expect(source('src/net/a.ts', `const f = () => {${body(61)}}`)).toEqual(['f: 61 lines; a function has at most 60'])
  expect(source('src/net/a.test.ts', `test('long', () => {${body(61)}})`)).toHaveLength(1)
  expect(source('src/net/a.test.ts', `describe('many', () => {${body(61)}})`)).toEqual([])
})

test('tidy time and chance: only in base, and a word in a string or comment is no use', () => {
  for (const use of [
    'Date.now()',
    'new Date()',
    'performance.now()',
    'Math.random()',
    'setTimeout(f, 1)',
    'setInterval(f, 1)',
    'globalThis.setTimeout(f, 1)',
    "Math['random']()",
    'const now = Date.now',
    "import { setTimeout } from 'node:timers/promises'",
    'process.env.HOME',
  ]) {
    expect(source('src/broker/a.ts', use).length, use).toBeGreaterThan(0)
  }
  expect(source('src/base/clock.ts', 'Date.now(); setTimeout(f, 1)')).toEqual([])
  expect(source('src/config/a.ts', 'process.env.HOME')).toEqual([])
  expect(
    source('src/broker/a.ts', '// Date.now() here\nconst a = "Date.now()" + `setTimeout(f)`; new Date(5)'),
  ).toEqual([])
})

test('tidy types and tests: any, ignored errors, default exports and tests that do not run are found', () => {
  expect(source('src/net/a.ts', 'export function f(a: any): void {}')).toHaveLength(1)
  expect(source('src/net/a.ts', 'export const f = (a: "any") => a // any')).toEqual([])
  expect(source('src/net/a.ts', `// @ts-${'ignore'}\nconst a = 1`)).toHaveLength(1)
  expect(source('src/net/a.ts', 'export default 1')).toHaveLength(1)
  for (const call of ['test.skip', 'it.only', 'describe.todo', 'test.skipIf(true)', 'test.concurrent.skip']) {
    expect(source('src/net/a.test.ts', `${call}('x', () => {})`).length, call).toBeGreaterThan(0)
  }
  expect(source('src/net/a.test.ts', 'test("x", (context) => context.skip())')).toHaveLength(1)
  expect(source('test/interop/a.test.ts', 'test("x", (context) => context.skip("no client"))')).toEqual([])
})

test('tidy shape: barrels and utils are found', () => {
  expect(source('src/net/index.ts', 'const a = 1')).toEqual(['a barrel file'])
  expect(source('src/net/all.ts', "export { a } from './a.ts'\nexport { b } from './b.ts'")).toEqual(['a barrel file'])
  expect(source('src/net/utils/a.ts', 'const a = 1')).toHaveLength(1)
  expect(source('src/net/util.ts', 'const a = 1')).toHaveLength(1)
})

test('tidy text: leftover markers, machine paths and registry hosts are found, look-alikes are not', () => {
  const bad = [
    `// ${'TO'}${'DO'}: later`,
    `see /${'work'}/main`,
    `cd /${'home'}/anna/x`,
    `https://registry.${'npmjs'}.org/`,
  ]
  for (const text of bad) expect(textProblems('src/net/a.ts', text), text).toHaveLength(1)
  expect(textProblems('src/net/a.ts', 'mastodon, roots/work/home, network/ and ./work/x')).toEqual([])
})

test('tidy documents: a path that is not there is found, wherever it is written', () => {
  const exists = (path: string): boolean => ['src/net/listener.ts', 'docs/a.md', 'src/net'].includes(path)
  const told = (text: string): string[] => pathProblems('docs/b.md', text, exists).map((problem) => problem.text)
  expect(
    told('`src/net/listener.ts` and [a](a.md) and src/net/ and `src/*/x.ts` and [w](https://example.org/docs/x)'),
  ).toEqual([])
  expect(told('`src/net/gone.ts`.')).toEqual(['mentions src/net/gone.ts, which does not exist'])
  expect(told('see [a](gone.md#part)')).toEqual(['mentions docs/gone.md, which does not exist'])
  expect(told('run ./scripts/gone.mjs, then')).toHaveLength(1)
})

test('tidy lock file: a platform package that is not locked is found', () => {
  const entry = { optionalDependencies: { '@a/linux': '1', '@a/mac': '1' } }
  const locked = (...names: string[]): string =>
    JSON.stringify({
      packages: Object.fromEntries([['node_modules/a', entry], ...names.map((name) => [`node_modules/${name}`, {}])]),
    })
  expect(lockProblems(locked('@a/linux', '@a/mac'))).toEqual([])
  expect(lockProblems(locked('@a/linux')).map((problem) => problem.text)).toEqual([
    'node_modules/a needs @a/mac: not locked',
  ])
})
