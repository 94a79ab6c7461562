import { expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { Turn } from './turn.ts'

/** Work that ends when told. */
function held() {
  let end: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { end, work: (name: string) => () => ended.then(() => ({ name })) }
}

test('turn: work is done one after the other, in the order it came', async () => {
  const turn = new Turn(new ManualClock(), 1000)
  const order: string[] = []
  const run = (name: string) =>
    turn.run(async () => {
      order.push(`${name} begins`)
      await Promise.resolve()
      order.push(`${name} ends`)
      return { name }
    })
  expect(await Promise.all([run('a'), run('b'), run('c')])).toEqual([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  expect(turn.isFree).toBe(true)
})

test('turn: nobody slips in between one that ends and one that waits', async () => {
  const turn = new Turn(new ManualClock(), 1000)
  const order: string[] = []
  const run = (name: string) => turn.run(async () => ({ place: order.push(name) }))
  const first = turn.run(async () => ({}))
  const second = run('second')
  await first
  await Promise.all([run('third'), second])
  expect(order).toEqual(['second', 'third'])
})

test('turn: who has waited too long is told, and his work is never begun', async () => {
  const clock = new ManualClock()
  const turn = new Turn(clock, 1000)
  const { end, work } = held()
  const first = turn.run(work('first'))
  const second = turn.run(work('second'))
  clock.advance(600)
  const third = turn.run(work('third'))
  clock.advance(400)
  expect(await second).toBeUndefined()
  end()
  expect([await first, await third]).toEqual([{ name: 'first' }, { name: 'third' }])
  expect(turn.isFree).toBe(true)
  expect(clock.pendingTimerCount).toBe(0)
})

test('turn: work that fails gives the turn on', async () => {
  const turn = new Turn(new ManualClock(), 1000)
  const failing = turn.run(() => Promise.reject(new Error('no')))
  const next = turn.run(async () => ({ name: 'next' }))
  await expect(failing).rejects.toThrow('no')
  expect(await next).toEqual({ name: 'next' })
})
