/**
 * The `busbar` command as an operator meets it: the built launcher in a process of its own. What a broker does for its
 * clients is judged elsewhere.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { Program } from '../support/clients/program.ts'

const launcher = fileURLToPath(new URL('../../bin/busbar', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'busbar-command-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const busbar = (...args: string[]): Program => new Program(launcher, args)
const serveAnywhere = (...args: string[]): Program => busbar('serve', '--listen', 'amqp://127.0.0.1:0', ...args)

async function ready(program: Program): Promise<URL> {
  const line = await program.line(/ready/)
  const { endpoints } = JSON.parse(line) as { endpoints: { amqp: string } }
  return new URL(endpoints.amqp)
}

/** Ends by itself with that code, having said one line on stderr and nothing on stdout. */
async function refused(program: Program, code: number): Promise<string> {
  expect(await program.ending).toEqual({ code, signal: null })
  expect(program.lines).toEqual([])
  expect(program.complaint.trimEnd().split('\n')).toHaveLength(1)
  return program.complaint
}

test('command: the first line on a pipe is one JSON object with the endpoints, and SIGTERM ends it with 0', async () => {
  const program = serveAnywhere('--store', 'memory:')
  const { port } = await ready(program)
  expect(program.lines).toEqual([`{"msg":"ready","endpoints":{"amqp":"amqp://127.0.0.1:${port}"}}`])
  program.signal('SIGTERM')
  expect(await program.ending).toEqual({ code: 0, signal: null })
})

test('command: Ctrl-C that arrives twice, as under npm, still stops it in order', async () => {
  const program = serveAnywhere('--store', 'memory:')
  await ready(program)
  program.signal('SIGINT')
  program.signal('SIGINT')
  expect(await program.ending).toEqual({ code: 0, signal: null })
})

test('command: a bad option is one line and 64', async () => {
  expect(await refused(busbar('serve', '--dta', 'x'), 64)).toContain('did you mean --data?')
  expect(await refused(busbar('serve', '--heartbeat', 'soon'), 64)).toContain('is not a duration')
  expect(await refused(busbar('serve', '--store', 'nowhere:'), 64)).toContain('--store')
})

test('command: a taken port is one line and 69, and nothing is left running', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const { port } = holder.address() as AddressInfo
  const program = busbar('serve', '--store', 'memory:', '--listen', `amqp://127.0.0.1:${port}`, '--log-level', 'error')
  expect(await refused(program, 69)).toContain(`port ${port} is taken`)
  await new Promise((resolve) => holder.close(resolve))
})

test('command: a configuration file is read, and one that is wrong is one line and 78', async () => {
  const good = join(folder, 'good.yaml')
  writeFileSync(good, 'store: "memory:"\nlisten: amqp://127.0.0.1:0\n')
  const program = busbar('serve', '--config', good)
  await ready(program)
  program.signal('SIGTERM')
  expect((await program.ending).code).toBe(0)
  const bad = join(folder, 'bad.yaml')
  writeFileSync(bad, 'lissen: amqp://127.0.0.1:0\n')
  expect(await refused(busbar('serve', '--config', bad), 78)).toContain('did you mean "listen"?')
})

test('command: a data directory in use by another is one line with its holder and 69', async () => {
  const data = join(folder, 'held')
  const holder = serveAnywhere('--data', data)
  await ready(holder)
  expect(await refused(serveAnywhere('--data', data), 69)).toContain(`in use by process ${holder.pid}`)
  holder.signal('SIGTERM')
  expect((await holder.ending).code).toBe(0)
})

test('command: a data directory that cannot be used, or was written by a newer version, is one line and 78', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  expect(await refused(serveAnywhere('--data', file), 78)).toContain(file)

  const newer = join(folder, 'newer')
  mkdirSync(newer)
  writeFileSync(join(newer, 'FORMAT'), 'busbar 999\n')
  expect(await refused(serveAnywhere('--data', newer), 78)).toMatch(/newer/)
})
