/**
 * The whole broker, killed again and again under load, and stopped in order under load. What clients saw of all its lives
 * must be the story of one broker that lost nothing: test/support/crash/history.ts says what that means. Longer runs by
 * hand: `node scripts/crash.mjs --rounds 500`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runThroughDeaths } from '../support/crash/kill-run.ts'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'busbar-crash-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

it('broker: killed twenty times under load, it has lost, invented, repeated and reordered nothing', async () => {
  const { report, texts } = await runThroughDeaths(data, { seed: 20, rounds: 20, end: 'kill', loadMs: [100, 500] })
  expect(texts).toEqual([])
  expect(report).toMatchObject({ violations: 0, refused: 0, lives: 22 })
  // The run must have had something to lose.
  expect(report.confirmed).toBeGreaterThan(2000)
  expect(report.durable).toBeGreaterThan(2000)
  expect(report.redelivered).toBeGreaterThan(100)
})

it('broker: stopped five times under load, it exits with 0 and has kept every settlement it had processed', async () => {
  const { report, texts } = await runThroughDeaths(data, { seed: 5, rounds: 5, end: 'stop', loadMs: [200, 500] })
  expect(texts).toEqual([])
  expect(report).toMatchObject({ violations: 0, refused: 0, lives: 7 })
  expect(report.confirmed).toBeGreaterThan(500)
  expect(report.durable).toBeGreaterThan(500)
})
