/** Opens the storage a URL names. The only file that knows which engines there are; each is loaded when asked for. */
import type { Clock } from '../base/clock.ts'
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
 * `memory:`
 * @throws {RangeError} for a URL no engine serves
 */
export async function openStorage(url: string, _options: StorageOptions): Promise<Storage> {
  const scheme = url.slice(0, url.indexOf(':') + 1)
  switch (scheme) {
    case 'memory:': {
      if (url !== 'memory:') throw new RangeError(`"${url}": memory: takes nothing behind the colon`)
      const { MemoryStorage } = await import('./engines/memory/memory-storage.ts')
      return new MemoryStorage()
    }
    default:
      throw new RangeError(`"${url}" names no storage: use memory:`)
  }
}
