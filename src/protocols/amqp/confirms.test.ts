import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Confirms } from './confirms.ts'
import type { Outgoing } from './outgoing.ts'

interface Sent {
  readonly kind: 'ack' | 'nack'
  readonly tag: number
  readonly multiple: boolean
}

function record(): { confirms: Confirms; sent: Sent[] } {
  const sent: Sent[] = []
  const out: Pick<Outgoing, 'ack' | 'nack'> = {
    ack: (_channel, tag, multiple) => sent.push({ kind: 'ack', tag, multiple }),
    nack: (_channel, tag, multiple) => sent.push({ kind: 'nack', tag, multiple }),
  }
  return { confirms: new Confirms(out as Outgoing, 1), sent }
}

/** Publishes with so many answers to come. */
function publish(confirms: Confirms, answers: number): number {
  const sequence = confirms.begin()
  for (let answer = 0; answer < answers; answer++) confirms.expect(sequence)
  confirms.published(sequence)
  return sequence
}

test('confirms: a burst that is done goes out as one frame, a lone one without multiple', async () => {
  const { confirms, sent } = record()
  publish(confirms, 0)
  await Promise.resolve()
  expect(sent).toEqual([{ kind: 'ack', tag: 1, multiple: false }])
  for (let count = 0; count < 100; count++) publish(confirms, 1)
  await Promise.resolve()
  expect(sent).toHaveLength(1)
  for (let sequence = 2; sequence <= 101; sequence++) confirms.confirmed(sequence)
  await Promise.resolve()
  expect(sent.slice(1)).toEqual([{ kind: 'ack', tag: 101, multiple: true }])
})

test('confirms: what is done beyond an open one is answered alone, and a rejection as RabbitMQ marks it', async () => {
  const { confirms, sent } = record()
  for (let count = 0; count < 5; count++) publish(confirms, 1)
  confirms.confirmed(3)
  confirms.rejected(5)
  await Promise.resolve()
  expect(sent).toEqual([
    { kind: 'ack', tag: 3, multiple: false },
    { kind: 'nack', tag: 5, multiple: false },
  ])
  confirms.confirmed(1)
  confirms.rejected(2)
  await Promise.resolve()
  expect(sent.slice(2)).toEqual([
    { kind: 'ack', tag: 1, multiple: false },
    { kind: 'nack', tag: 2, multiple: true },
  ])
  confirms.confirmed(4)
  await Promise.resolve()
  expect(sent.slice(4)).toEqual([{ kind: 'ack', tag: 4, multiple: false }])
})

test('confirms: a message in three queues is safe only when all three have it, and lost when one has not', async () => {
  const { confirms, sent } = record()
  publish(confirms, 3)
  publish(confirms, 3)
  for (const sequence of [1, 2]) {
    confirms.confirmed(sequence)
    confirms.confirmed(sequence)
  }
  await Promise.resolve()
  expect(sent).toEqual([])
  confirms.confirmed(1)
  confirms.rejected(2)
  await Promise.resolve()
  expect(sent).toEqual([
    { kind: 'ack', tag: 1, multiple: false },
    { kind: 'nack', tag: 2, multiple: true },
  ])
})

test('confirms: answers that come inside the publish, or after the channel has closed, are no trouble', async () => {
  const { confirms, sent } = record()
  const sequence = confirms.begin()
  confirms.expect(sequence)
  confirms.confirmed(sequence)
  await Promise.resolve()
  expect(sent).toEqual([])
  confirms.published(sequence)
  const late = publish(confirms, 1)
  confirms.flush()
  expect(sent).toEqual([{ kind: 'ack', tag: 1, multiple: false }])
  confirms.close()
  confirms.confirmed(late)
  confirms.rejected(late)
  await Promise.resolve()
  expect(sent).toHaveLength(1)
})

test('confirms: one answer too many is a bug that is noticed', () => {
  const { confirms } = record()
  publish(confirms, 1)
  confirms.confirmed(1)
  expect(() => confirms.confirmed(1)).toThrow('once too often')
  expect(() => confirms.confirmed(2)).toThrow('not open')
})

/** What a client makes of the frames: each sequence answered exactly once, by whichever frame covers it first. */
function understand(sent: readonly Sent[], answers: Map<number, string>, open: Set<number>): void {
  for (const { kind, tag, multiple } of sent) {
    const covered = multiple ? [...open].filter((sequence) => sequence <= tag) : [tag]
    expect(covered).toContain(tag)
    for (const sequence of covered) {
      expect(open.delete(sequence)).toBe(true)
      answers.set(sequence, kind)
    }
  }
}

test('confirms: whatever the order of answers and flushes, each publish is answered once and rightly', () => {
  const step = fc.record({ publishes: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40 }), order: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(fc.boolean(), { minLength: 50 }), (steps, rejections) => {
      const { confirms, sent } = record()
      const open = new Set<number>()
      const expected = new Map<number, string>()
      const answers = new Map<number, string>()
      let waiting: number[] = []
      for (const { publishes, order } of steps) {
        for (const count of publishes) {
          const sequence = publish(confirms, count)
          open.add(sequence)
          expected.set(sequence, 'ack')
          for (let answer = 0; answer < count; answer++) waiting.push(sequence)
        }
        // Some of what waits is answered, from a place that the run chooses.
        const from = waiting.length === 0 ? 0 : order % waiting.length
        const now = waiting.slice(from)
        waiting = waiting.slice(0, from)
        for (const [index, sequence] of now.entries()) {
          if (rejections[(index + order) % rejections.length]) {
            expected.set(sequence, 'nack')
            confirms.rejected(sequence)
          } else confirms.confirmed(sequence)
        }
        confirms.flush()
        understand(sent.splice(0), answers, open)
        expect([...open].every((sequence) => waiting.includes(sequence))).toBe(true)
      }
      for (const sequence of waiting) confirms.confirmed(sequence)
      confirms.flush()
      understand(sent, answers, open)
      expect(open.size).toBe(0)
      expect(answers).toEqual(expected)
    }),
    { numRuns: 300, seed: 7 },
  )
})
