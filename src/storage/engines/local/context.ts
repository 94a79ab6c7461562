/** What the parts of the local engine are given instead of reaching for it themselves. */
import type { Clock } from '../../../base/clock.ts'
import type { Random } from '../../../base/random.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import type { Files } from './files.ts'
import type { LocalTuning } from './tuning.ts'

export interface LocalContext {
  readonly files: Files
  readonly clock: Clock
  readonly random: Random
  readonly logger: Pick<Logger, 'info' | 'warn'>
  readonly tuning: LocalTuning
  readonly durability: 'flush' | 'os'
}
