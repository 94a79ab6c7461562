import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { QueueBench } from '../../../test/support/broker/queue-bench.ts'
import { systemClock } from '../../base/clock.ts'
import { openStorage } from '../../storage/open-storage.ts'
import { silentLogger } from '../../telemetry/logger.ts'

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `m${index + from}`)

describe('lane: over restarts', () => {
  test('offsets of messages that were never stored are not given again: storage forgot them for ever', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'busbar-lane-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const storage = await openStorage(`file:${directory}`, {
      durability: 'flush',
      clock: systemClock,
      logger: silentLogger,
    })
    onTestFinished(() => storage.close())
    const bench = await QueueBench.open({}, { storage })
    for (const name of names(2)) bench.publish(name)
    for (const name of names(20, 2)) bench.publish(name, { persistent: false })
    // The first stays out, unsettled, so that the log lives on; all else is settled.
    await bench.queue.get(false)
    await bench.drain()
    await bench.flush()
    await bench.restart()
    bench.publish('new')
    await bench.flush()
    await bench.restart()
    expect(await bench.drain()).toEqual(['m0!', 'new'])
  })
})
