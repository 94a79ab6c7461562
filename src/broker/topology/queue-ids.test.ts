import { expect, test } from 'vitest'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { QueueIds } from './queue-ids.ts'
import { QUEUE_IDS_KEY } from './records.ts'

test('queue ids: no two are the same, from several brokers at once and over restarts', async () => {
  const { meta } = new MemoryStorage()
  const seen = new Set<number>()
  for (let restart = 0; restart < 3; restart++) {
    const brokers = [new QueueIds(meta), new QueueIds(meta), new QueueIds(meta)]
    const given = await Promise.all(Array.from({ length: 1200 }, (_, index) => brokers[index % 3]!.next()))
    for (const id of given) {
      expect(Number.isSafeInteger(id) && id > 0).toBe(true)
      seen.add(id)
    }
  }
  expect(seen.size).toBe(3600)
})

test('queue ids: one write serves many', async () => {
  const { meta } = new MemoryStorage()
  const ids = new QueueIds(meta)
  let writes = 0
  meta.watch(QUEUE_IDS_KEY, () => writes++)
  await Promise.all(Array.from({ length: 100 }, () => ids.next()))
  expect(writes).toBe(1)
})

test('queue ids: a failure of the store reaches everybody who waits, and the next try works', async () => {
  const { meta } = new MemoryStorage()
  let failing = true
  const ids = new QueueIds({
    get: (key) => meta.get(key),
    list: (prefix) => meta.list(prefix),
    put: (key, value, revision) => (failing ? Promise.reject(new Error('disk')) : meta.put(key, value, revision)),
    delete: (key) => meta.delete(key),
    watch: (prefix, fn) => meta.watch(prefix, fn),
  })
  const results = await Promise.allSettled([ids.next(), ids.next()])
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected'])
  failing = false
  await expect(ids.next()).resolves.toBe(1)
})
