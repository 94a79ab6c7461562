/**
 * What everything above logs through, and the one place that knows pino. Lines go to stderr, so that stdout belongs to
 * the ready line; they are written at once, so that the last line before an exit is not lost. Hot paths count instead of
 * logging.
 */
import { openSync, writeSync } from 'node:fs'
import pino from 'pino'
import { prettyLine } from './pretty-line.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Plain values only, and `error` for an Error: they become columns in whoever reads the log. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger whose lines all carry `fields`, such as `{ component: 'amqp', conn: 7 }`. */
  child(fields: LogFields): Logger
}

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  /** Appends to this file; stderr when absent. */
  readonly file?: string | undefined
  readonly colour?: boolean
  /** For tests: takes whole lines instead of a file. */
  readonly write?: (line: string) => void
}

/** @throws {Error} from the file system when the log file cannot be opened */
export function createLogger(options: LoggerOptions): Logger {
  const fd = options.file === undefined ? 2 : openSync(options.file, 'a')
  const write = options.write ?? ((line: string): void => writeWhole(fd, line))
  const destination = options.format === 'json' ? { write } : { write: prettyWriter(write, options.colour ?? false) }
  const root = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'msg',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
    },
    destination,
  )
  return wrap(root)
}

/** Says nothing: for tests, and for those who embed the server and do not care. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}

type Write = (message: string, fields?: LogFields) => void

function wrap(inner: pino.Logger): Logger {
  const at =
    (level: LogLevel): Write =>
    (message, fields) =>
      fields === undefined ? inner[level](message) : inner[level](fields, message)
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(inner.child(fields)),
  }
}

/** An error's chain of causes in one line; the stack only for what nobody expected. */
function describeError(value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const chain: string[] = []
  for (let error: unknown = value; error instanceof Error && chain.length < 8; error = error.cause)
    chain.push(error.message)
  const isExpected = ['Refused', 'StorageError', 'NetError'].includes(value.name)
  return { name: value.name, message: chain.join(': '), ...(isExpected ? {} : { stack: value.stack }) }
}

/** A pipe that is full answers EAGAIN: losing a log line is better than stopping the broker for its reader. */
function writeWhole(fd: number, line: string): void {
  try {
    writeSync(fd, line)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EAGAIN' && code !== 'EPIPE' && code !== 'ENOSPC') throw error
  }
}

function prettyWriter(write: (line: string) => void, colour: boolean): (line: string) => void {
  return (line) => write(prettyLine(JSON.parse(line) as Record<string, unknown>, colour))
}
