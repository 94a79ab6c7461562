/** Metadata, on every engine: compare-and-set, order, watchers, restarts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import type { MetaChange, Storage } from '../../src/storage/contract.ts'
import { type World, worlds } from './engines.ts'

describe.each(worlds)('metadata, $name', ({ make }) => {
  let world: World
  let storage: Storage

  beforeEach(async () => {
    world = make()
    storage = await world.open()
  })

  afterEach(async () => {
    await storage.close()
    world.destroy()
  })

  test('a put is visible when it resolves, not before, and survives a restart', async () => {
    const putting = storage.meta.put('queue/a', '{"durable":true}')
    expect(storage.meta.get('queue/a')).toBeUndefined()
    const revision = await putting
    expect(storage.meta.get('queue/a')).toEqual({ key: 'queue/a', value: '{"durable":true}', revision })
    storage = await world.reopen(storage)
    expect(storage.meta.get('queue/a')).toEqual({ key: 'queue/a', value: '{"durable":true}', revision })
    expect(await storage.meta.put('queue/a', '{}')).toBeGreaterThan(revision)
  })

  test('list gives what begins with the prefix, in key order', async () => {
    for (const key of ['b/2', 'a/1', 'b/10', 'c', 'b', 'b/1', 'bb']) await storage.meta.put(key, '0')
    expect(storage.meta.list('b/').map(({ key }) => key)).toEqual(['b/1', 'b/10', 'b/2'])
    await storage.meta.delete('b/10')
    expect(storage.meta.list('b').map(({ key }) => key)).toEqual(['b', 'b/1', 'b/2', 'bb'])
    expect(storage.meta.list('').length).toBe(6)
    expect(storage.meta.list('x')).toEqual([])
  })

  test('compare-and-set: one of two writers wins, also when both are on their way', async () => {
    const { meta } = storage
    const first = await meta.put('k', '1', 0)
    await expect(meta.put('k', '2', 0)).rejects.toMatchObject({ code: 'conflict' })
    const race = await Promise.allSettled([meta.put('k', '3', first), meta.put('k', '4', first)])
    expect(race.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(meta.get('k')?.value).toBe('3')
    await expect(meta.delete('k', first)).rejects.toMatchObject({ code: 'conflict' })
    const created = await Promise.allSettled([meta.put('new', 'a', 0), meta.put('new', 'b', 0)])
    expect(created.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await meta.delete('k', meta.get('k')?.revision)
    await meta.delete('k')
    expect(meta.get('k')).toBeUndefined()
    expect(await meta.put('k', 'again', 0)).toBeGreaterThan(first)
  })

  test('a watcher sees every change of its prefix in order, before the put resolves, until it stops', async () => {
    const { meta } = storage
    const seen: string[] = []
    const stop = meta.watch('q/', (change: MetaChange) => {
      seen.push(change.kind === 'put' ? `${change.entry.key}=${change.entry.value}` : `${change.key} gone`)
    })
    await Promise.all([meta.put('q/1', 'a'), meta.put('x/1', 'a'), meta.put('q/2', 'b'), meta.put('q/1', 'c')])
    expect(seen).toEqual(['q/1=a', 'q/2=b', 'q/1=c'])
    const deleting = meta.delete('q/1').then(() => seen.push('resolved'))
    await deleting
    expect(seen.slice(3)).toEqual(['q/1 gone', 'resolved'])
    stop()
    await meta.put('q/9', 'z')
    expect(seen.length).toBe(5)
  })

  test('revisions never repeat, even when the newest key is gone and the file was rewritten', async () => {
    let last = 0
    for (let round = 0; round < 5; round++) {
      for (let step = 0; step < 60; step++) last = await storage.meta.put('k', 'v'.repeat(step))
      await storage.meta.delete('k')
      storage = await world.reopen(storage)
      const next = await storage.meta.put('other', '1')
      expect(next).toBeGreaterThan(last + 1)
    }
  })

  test.each([1, 2, 3])('whatever is written, a restart shows the same (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const model = new Map<string, string>()
    for (let round = 0; round < 6; round++) {
      const writes: Promise<unknown>[] = []
      for (let step = 0; step < 150; step++) {
        const key = `${'abc'[random.below(3)]}/ключ-${random.below(30)}`
        if (random.below(4) === 0) {
          model.delete(key)
          writes.push(storage.meta.delete(key))
        } else {
          const value = JSON.stringify({ step, text: 'ü'.repeat(random.below(200)) })
          model.set(key, value)
          writes.push(storage.meta.put(key, value))
        }
        if (random.below(10) === 0) await Promise.all(writes.splice(0))
      }
      await Promise.all(writes)
      storage = await world.reopen(storage)
      const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
      expect(storage.meta.list('').map(({ key, value }) => [key, value])).toEqual(expected)
    }
  })
})
