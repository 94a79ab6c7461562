import { expect, test } from 'vitest'
import { Deque } from './deque.ts'
import { seededRandom } from './random.ts'

test('deque: behaves as an array through random pushes and shifts at both ends', () => {
  const random = seededRandom(7)
  const deque = new Deque<number>()
  const model: number[] = []
  for (let step = 0; step < 20_000; step++) {
    switch (random.below(5)) {
      case 0:
      case 1:
        deque.push(step)
        model.push(step)
        break
      case 2:
        deque.unshift(step)
        model.unshift(step)
        break
      case 3:
        expect(deque.shift()).toBe(model.shift())
        break
      default:
        expect(deque.pop()).toBe(model.pop())
    }
    expect(deque.length).toBe(model.length)
    expect(deque.peek()).toBe(model[0])
    expect(deque.peekLast()).toBe(model.at(-1))
  }
  expect([...deque]).toEqual(model)
})
