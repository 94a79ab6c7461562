/** How the command ends, by sysexits, and the one line that says why. */
import { NetError, StorageError, type StorageErrorCode } from '../base/errors.ts'
import { ConfigError } from '../config/load-config.ts'

export const ExitCode = {
  ok: 0,
  /** A bad option or command. */
  usage: 64,
  /** A port, a lock or a disk that cannot be had just now. */
  unavailable: 69,
  /** A bug. */
  internal: 70,
  /** A configuration file, variable or data directory that cannot be used as it is. */
  config: 78,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

const STORAGE_EXITS: Readonly<Record<StorageErrorCode, ExitCode>> = {
  closed: ExitCode.internal,
  fenced: ExitCode.unavailable,
  locked: ExitCode.unavailable,
  unwritable: ExitCode.config,
  'newer-format': ExitCode.config,
  damaged: ExitCode.unavailable,
  'disk-full': ExitCode.unavailable,
  'write-failed': ExitCode.unavailable,
  'offset-out-of-range': ExitCode.internal,
  conflict: ExitCode.unavailable,
}

export interface Failure {
  readonly exitCode: ExitCode
  /** What the user reads; one line unless it is a bug. */
  readonly text: string
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ConfigError) {
    return { exitCode: error.layer === 'flag' ? ExitCode.usage : ExitCode.config, text: oneLine(error.message) }
  }
  if (error instanceof NetError) return { exitCode: ExitCode.unavailable, text: oneLine(error.message) }
  if (error instanceof StorageError) return { exitCode: STORAGE_EXITS[error.code], text: oneLine(withCause(error)) }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { exitCode: ExitCode.internal, text: `this is a bug in busbar, please report it:\n${text}` }
}

/** The system's own words belong to it (`EACCES: permission denied`), unless they were quoted already. */
function withCause({ message, cause }: Error): string {
  return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ')
}
