import { expect, test } from 'vitest'
import { ReadBudget } from './read-budget.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('read budget: who spends the last of it waits for the next turn, where there is a new one', async () => {
  const budget = new ReadBudget(100)
  const log: string[] = []
  expect(budget.spend(60)).toBe(false)
  expect(budget.spend(40)).toBe(true)
  budget.wait(() => log.push('first'))
  expect(budget.spend(1)).toBe(true)
  budget.wait(() => log.push('second'))
  expect(log).toEqual([])
  await nextTurn()
  expect(log).toEqual(['first', 'second'])
  expect(budget.spend(99)).toBe(false)
})
