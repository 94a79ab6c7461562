/** Opens the storage a URL names. The only file that knows which engines there are; each is loaded when asked for. */
import { fileURLToPath } from 'node:url'
import type { Clock } from '../base/clock.ts'
import { StorageError } from '../base/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Storage } from './contract.ts'
import type { Files } from './engines/local/files.ts'
import type { LocalTuning } from './engines/local/tuning.ts'

export interface StorageOptions {
  /** 'flush': an acknowledged write is on the disk. 'os': it is with the operating system, which survives our crash only. */
  readonly durability: 'flush' | 'os'
  readonly clock: Clock
  readonly logger: Pick<Logger, 'info' | 'warn'>
  /** For tests: another file system. */
  readonly files?: Files
  /** For tests: sizes small enough that everything happens. */
  readonly tuning?: Partial<LocalTuning>
}

/**
 * `memory:` or `file:DIRECTORY` (also `file:///absolute/path`).
 * @throws {StorageError} 'locked', 'unwritable', 'newer-format', 'damaged'
 * @throws {RangeError} for a URL no engine serves
 */
export async function openStorage(url: string, options: StorageOptions): Promise<Storage> {
  const scheme = url.slice(0, url.indexOf(':') + 1)
  switch (scheme) {
    case 'memory:': {
      if (url !== 'memory:') throw new RangeError(`"${url}": memory: takes nothing behind the colon`)
      const { MemoryStorage } = await import('./engines/memory/memory-storage.ts')
      return new MemoryStorage()
    }
    case 'file:': {
      const directory = directoryOf(url)
      const { openLocalStorage } = await import('./engines/local/local-storage.ts')
      return openLocalStorage(directory, options)
    }
    default:
      throw new RangeError(`"${url}" names no storage: use memory: or file:DIRECTORY`)
  }
}

function directoryOf(url: string): string {
  const path = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)
  if (path === '') throw new RangeError(`"${url}" names no directory: use file:DIRECTORY`)
  if (path.includes('\0')) throw new StorageError('unwritable', 'a directory name cannot contain a zero byte')
  return path
}
