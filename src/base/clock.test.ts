import { expect, test } from 'vitest'
import { ManualClock, systemClock } from './clock.ts'

test('manual clock: timers fire in due order, each at its own moment, cancelled ones never', () => {
  const clock = new ManualClock(1000)
  const seen: string[] = []
  clock.after(30, () => seen.push(`b@${clock.nowMs()}`))
  clock.after(10, () => {
    seen.push(`a@${clock.nowMs()}`)
    clock.after(5, () => seen.push(`nested@${clock.nowMs()}`))
  })
  clock.after(20, () => seen.push('never')).cancel()
  clock.advance(29)
  expect(seen).toEqual(['a@1010', 'nested@1015'])
  clock.advance(1)
  expect(seen).toEqual(['a@1010', 'nested@1015', 'b@1030'])
})

test('system clock: a delay beyond 32 bits does not fire at once', async () => {
  let fired = false
  const timer = systemClock.after(2 ** 31 + 1000, () => {
    fired = true
  })
  await new Promise<void>((resolve) => systemClock.after(5, resolve))
  expect(fired).toBe(false)
  timer.cancel()
})
