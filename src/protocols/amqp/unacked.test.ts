import { expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import type { Delivery } from '../../broker/queues/consumer.ts'
import { Address, makeMessage } from '../../message/message.ts'
import { amqpMessageFormat } from './message-format.ts'
import { Unacked } from './unacked.ts'

const message = makeMessage(
  {
    format: amqpMessageFormat,
    address: new Address('', 'q'),
    persistent: false,
    priority: undefined,
    publishedMs: 0,
    expirationMs: undefined,
  },
  Buffer.alloc(2),
  Buffer.alloc(0),
)

const delivery = (): Delivery => ({ message, redelivered: false, deliveryCount: 0, settle: () => {} })

test('unacked: behaves as a sorted map through random adds and takes, tags with gaps', () => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed)
    const unacked = new Unacked<string>()
    const model = new Map<number, { delivery: Delivery; holder: string | undefined }>()
    let tag = 0
    for (let step = 0; step < 5000; step++) {
      const choice = random.below(10)
      if (choice < 5) {
        tag += 1 + (random.below(4) === 0 ? random.below(5) : 0)
        const entry = { delivery: delivery(), holder: random.below(2) ? `h${tag}` : undefined }
        unacked.add(tag, entry.delivery, entry.holder)
        model.set(tag, entry)
      } else if (choice < 8) {
        const wanted = random.below(tag + 2)
        const expected = model.get(wanted)
        expect(unacked.has(wanted)).toBe(expected !== undefined)
        expect(unacked.take(wanted)).toBe(expected?.delivery)
        if (expected !== undefined) expect(unacked.takenHolder).toBe(expected.holder)
        model.delete(wanted)
      } else {
        const tagMax = random.below(tag + 2)
        const [first] = model.keys()
        const expected = first !== undefined && first <= tagMax ? model.get(first) : undefined
        expect(unacked.takeFirst(tagMax)).toBe(expected?.delivery)
        if (expected === undefined) continue
        expect(unacked.takenTag).toBe(first)
        model.delete(first!)
      }
      expect(unacked.count).toBe(model.size)
    }
  }
})

test('unacked: an old delivery and a million answered ones after it do not add up', () => {
  const unacked = new Unacked<string>()
  const oldest = delivery()
  unacked.add(1, oldest, undefined)
  const other = delivery()
  const before = process.memoryUsage().arrayBuffers
  for (let tag = 2; tag < 1_000_000; tag++) {
    unacked.add(tag, other, undefined)
    unacked.take(tag)
  }
  expect(unacked.count).toBe(1)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000)
  expect(unacked.takeFirst(Infinity)).toBe(oldest)
})

test('unacked: what is put back stands in its old order', () => {
  const unacked = new Unacked<string>()
  const all = [1, 2, 3, 4, 5].map((tag) => ({ tag, delivery: delivery(), holder: `h${tag}` }))
  for (const { tag, delivery, holder } of all) unacked.add(tag, delivery, holder)
  unacked.take(4)
  unacked.take(2)
  unacked.putBack([all[3]!, all[1]!])
  const seen: unknown[] = []
  for (let next = unacked.takeFirst(Infinity); next; next = unacked.takeFirst(Infinity)) {
    seen.push({ tag: unacked.takenTag, delivery: next, holder: unacked.takenHolder })
  }
  expect(seen).toEqual(all)
})
