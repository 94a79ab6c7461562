import { expect, it } from 'vitest'
import { Program } from './program.ts'

const node = (source: string) => new Program(process.execPath, ['-e', source])

it('program: a line printed before anyone waits is found, and one that comes later is waited for', async () => {
  const program = node(
    `process.once('SIGTERM', () => { console.log('second'); process.exit(0) }); setInterval(() => {}, 1e6); console.log('first')`,
  )
  await program.line('first')
  expect(await program.line('first')).toBe('first')
  const second = program.line(/^sec/)
  program.signal('SIGTERM')
  expect(await second).toBe('second')
  expect(await program.finished()).toEqual(['first', 'second'])
})

it('program: whoever waits for a line learns that the program ended without it, and reads its complaint', async () => {
  const program = node(`console.error('no broker here'); process.exitCode = 3`)
  await expect(program.line('ready')).rejects.toThrow(/ended without the line ready \(code 3\)[\s\S]*no broker here/)
  await expect(program.line('ready')).rejects.toThrow('code 3')
  await expect(program.finished()).rejects.toThrow('no broker here')
})

it('program: a command that does not exist ends with 127 and says so', async () => {
  const program = new Program('no-such-command-anywhere', [])
  expect(await program.ending).toEqual({ code: 127, signal: null })
  await expect(program.finished()).rejects.toThrow('ENOENT')
})

it('program: a killed program reports its signal', async () => {
  const program = node(`console.log('up'); setInterval(() => {}, 1e6)`)
  await program.line('up')
  expect(await program.end()).toEqual({ code: null, signal: 'SIGKILL' })
})
