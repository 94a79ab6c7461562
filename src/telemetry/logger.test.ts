import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StorageError } from '../base/errors.ts'
import { createLogger, type LoggerOptions } from './logger.ts'

function recorder(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line), ...options })
  return { logger, lines }
}

test('logger: a JSON line carries level, time, message, the fields of its child and its own', () => {
  const { logger, lines } = recorder()
  logger.child({ component: 'amqp' }).child({ conn: 7 }).warn('refused', { code: 406 })
  logger.debug('not shown at info')
  expect(lines).toHaveLength(1)
  const record = JSON.parse(lines[0]!) as Record<string, unknown>
  expect(record).toMatchObject({ level: 'warn', msg: 'refused', component: 'amqp', conn: 7, code: 406 })
  expect(String(record['time'])).toMatch(/^\d{4}-\d\d-\d\dT/)
})

test('logger: an expected error is told with its causes and no stack, a bug with its stack', () => {
  const { logger, lines } = recorder()
  logger.error('flush', { error: new StorageError('write-failed', 'journal', { cause: new Error('EIO') }) })
  logger.error('bug', { error: new TypeError('x is undefined') })
  const [expected, bug] = lines.map((line) => (JSON.parse(line) as { error: Record<string, string> }).error)
  expect(expected).toEqual({ name: 'StorageError', message: 'journal: EIO' })
  expect(bug!['stack']).toContain('logger.test.ts')
})

test('logger: pretty lines are short, quote what needs it, and carry colour only when asked', () => {
  const { logger, lines } = recorder({ format: 'pretty' })
  logger.info('listening', { url: 'amqp://127.0.0.1:5672', note: 'two words' })
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} info {2}listening url=amqp:\/\/127\.0\.0\.1:5672 note="two words"\n$/,
  )
  const coloured = recorder({ format: 'pretty', colour: true })
  coloured.logger.info('x')
  expect(coloured.lines[0]).toContain('\u001b[')
})

test('logger: a log file is appended to, and holds the line when the call returns', () => {
  const folder = mkdtempSync(join(tmpdir(), 'busbar-log-'))
  const file = join(folder, 'busbar.log')
  createLogger({ level: 'info', format: 'json', file }).info('one')
  createLogger({ level: 'info', format: 'json', file }).info('two')
  const messages = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(messages.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['one', 'two'])
  rmSync(folder, { recursive: true })
})
