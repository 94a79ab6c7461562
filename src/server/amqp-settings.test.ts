import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { loadConfig } from '../config/load-config.ts'
import { openStorage } from '../storage/open-storage.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { amqpSettings } from './amqp-settings.ts'

const configOf = (flag: string, value: string): ReturnType<typeof loadConfig>['config'] =>
  loadConfig({ flags: new Map([[flag, [value]]]), environment: {}, file: undefined }).config

test('amqp settings: the largest message that can be allowed fits into storage, whatever its headers grow to', async () => {
  const { messageBytesMax } = amqpSettings(configOf('max-message-size', '224MiB'))
  expect(() => configOf('max-message-size', '225MiB')).toThrow()
  const { frameMax } = amqpSettings(configOf('frame-max', '16MiB'))
  expect(() => configOf('frame-max', '17MiB')).toThrow()
  const storage = await openStorage('memory:', { durability: 'flush', clock: systemClock, logger: silentLogger })
  // Properties come in one frame; dead-lettering adds to them.
  expect(messageBytesMax + 2 * frameMax).toBeLessThanOrEqual(storage.describe().payloadBytesMax)
  await storage.close()
})
