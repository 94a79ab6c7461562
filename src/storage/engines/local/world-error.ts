/** Turns what the operating system says into the engine's own errors, each with a sentence for whoever runs the broker. */
import { StorageError } from '../../../base/errors.ts'

export function systemCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Waiting may help: the disk, or the user's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

const unwritableCodes = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG', 'ELOOP'])

/** `doing` completes the sentence "cannot ...". */
export function worldError(error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error
  const reason = error instanceof Error ? error.message : String(error)
  if (isDiskFull(error)) {
    return new StorageError('disk-full', `cannot ${doing}: the disk is full (${reason})`, {
      cause: error,
      retriable: true,
    })
  }
  const code = unwritableCodes.has(systemCode(error) ?? '') ? 'unwritable' : 'write-failed'
  return new StorageError(code, `cannot ${doing}: ${reason}`, { cause: error })
}
