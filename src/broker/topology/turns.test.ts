import { expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { Turns } from './turns.ts'

/** Work that runs until it is told to end. */
class Gate {
  readonly ended: Promise<void>
  end: () => void = () => {}

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve
    })
  }
}

const passed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('turns: changes of one key follow each other, changes of different keys go side by side', async () => {
  const turns = new Turns()
  const log: string[] = []
  const gates = { a1: new Gate(), a2: new Gate(), b1: new Gate() }
  const work = (name: keyof typeof gates, key: string): Promise<void> =>
    turns.run([key], [], async () => {
      log.push(`${name} begins`)
      await gates[name].ended
      log.push(`${name} ends`)
    })
  const all = [work('a1', 'a'), work('a2', 'a'), work('b1', 'b')]
  await passed()
  expect(log).toEqual(['a1 begins', 'b1 begins'])
  gates.b1.end()
  gates.a1.end()
  await passed()
  expect(log.slice(2).sort()).toEqual(['a1 ends', 'a2 begins', 'b1 ends'])
  gates.a2.end()
  await Promise.all(all)
  expect(turns.keyCount).toBe(0)
})

test('turns: many may rely on a key at once, a change waits for them and holds back later ones', async () => {
  const turns = new Turns()
  const log: string[] = []
  const gate = new Gate()
  const relying = (name: string) =>
    turns.run([name], ['x'], async () => {
      log.push(name)
      await gate.ended
    })
  const all = [relying('one'), relying('two'), turns.run(['x'], [], () => void log.push('change')), relying('three')]
  await passed()
  expect(log).toEqual(['one', 'two'])
  gate.end()
  await Promise.all(all)
  expect(log).toEqual(['one', 'two', 'change', 'three'])
})

test('turns: work begins at once where nothing clashes, and a failure frees its keys', async () => {
  const turns = new Turns()
  let begun = false
  const failing = turns.run(['a'], ['b'], () => {
    begun = true
    throw new Error('no')
  })
  expect(begun).toBe(true)
  await expect(failing).rejects.toThrow('no')
  await expect(turns.run(['a', 'b'], [], () => 5)).resolves.toBe(5)
  expect(turns.keyCount).toBe(0)
})

test('turns: idle waits for everything begun so far', async () => {
  const turns = new Turns()
  const gate = new Gate()
  const work = turns.run(['a'], ['b'], () => gate.ended)
  let isIdle = false
  const idle = turns.idle().then(() => {
    isIdle = true
  })
  await passed()
  expect(isIdle).toBe(false)
  gate.end()
  await Promise.all([work, idle])
  await turns.idle()
})

test('turns: through random work nobody changes what another uses, and everybody gets his turn', async () => {
  const turns = new Turns()
  const random = seededRandom(9)
  const changing = new Map<string, number>()
  const relying = new Map<string, number>()
  const count = (map: Map<string, number>, key: string, by: number): number => {
    map.set(key, (map.get(key) ?? 0) + by)
    return map.get(key)!
  }
  let sideBySide = 0
  let running = 0
  const all = Array.from({ length: 400 }, async () => {
    const [first, second, third] = [0, 1, 2].map((index) => `${index}${random.below(4)}`)
    const changes = random.below(3) === 0 ? [first!, second!] : [first!]
    const reliesOn = changes.length === 2 ? [third!] : [second!, third!]
    await turns.run(changes, reliesOn, async () => {
      running++
      sideBySide = Math.max(sideBySide, running)
      for (const key of changes) expect([count(changing, key, 1), relying.get(key) ?? 0]).toEqual([1, 0])
      for (const key of reliesOn) expect([changing.get(key) ?? 0, count(relying, key, 1) > 0]).toEqual([0, true])
      for (let wait = random.below(3); wait > 0; wait--) await passed()
      for (const key of changes) count(changing, key, -1)
      for (const key of reliesOn) count(relying, key, -1)
      running--
    })
  })
  await Promise.all(all)
  expect(sideBySide).toBeGreaterThan(1)
  expect(turns.keyCount).toBe(0)
})
