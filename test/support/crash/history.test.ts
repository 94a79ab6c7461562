/** The judge is judged: each kind of lie a broker could tell is told to it once. */
import { expect, test } from 'vitest'
import { History } from './history.ts'
import type { PublisherHistory } from './history-parts.ts'
import { letterOf, stampOf } from './letter.ts'
import type { Reader } from './reader-history.ts'

const NOW_MS = 1_000_000

type Story = { history: History; publisher: PublisherHistory; send: (delayMs?: number) => Buffer }

function story(): Story {
  const history = new History()
  history.queue('jobs', { deadLetterTo: 'dead' })
  history.queue('dead')
  history.queue('copy')
  const publisher = history.publisher('anna', ['jobs', 'copy'])
  history.beginLife()
  const send = (delayMs = 0): Buffer => {
    const sequence = publisher.next()
    publisher.confirmed(sequence)
    return letterOf({ publisher: publisher.id, sequence, sentAtMs: NOW_MS, delayMs, priority: 0 })
  }
  return { history, publisher, send }
}

function take(reader: Reader, tag: number, body: Buffer, redelivered = false): void {
  reader.delivered(tag, body, redelivered, NOW_MS)
}

function takeAndAccept(reader: Reader, tag: number, body: Buffer, redelivered = false): void {
  take(reader, tag, body, redelivered)
  reader.settled(tag, 'accept')
}

test('letters: each size comes back whole, and one byte changed anywhere is seen', () => {
  const sizes = new Set<number>()
  for (let sequence = 1; sequence <= 2000; sequence++) {
    const stamp = { publisher: 3, sequence, sentAtMs: NOW_MS, delayMs: 7, priority: 2 }
    const body = letterOf(stamp)
    sizes.add(Math.round(body.length / 1000))
    expect(stampOf(body)).toEqual(stamp)
    body[(sequence * 7919) % body.length]! ^= 1
    expect(stampOf(body)).not.toEqual(stamp)
  }
  expect([...sizes].sort((a, b) => a - b)).toEqual([0, 4, 140])
})

test('history: all settled everywhere is no violation', () => {
  const { history, send } = story()
  const [jobs, copy] = [history.reader('jobs'), history.reader('copy')]
  for (let tag = 1; tag <= 3; tag++) {
    const body = send()
    takeAndAccept(jobs, tag, body)
    takeAndAccept(copy, tag, body)
  }
  expect(history.finish()).toMatchObject({ published: 3, confirmed: 3, delivered: 6, settled: 6, violations: 0 })
})

test('history: a confirmed message that is missing in one of its queues is told', () => {
  const { history, send } = story()
  takeAndAccept(history.reader('jobs'), 1, send())
  history.finish()
  expect(history.texts).toEqual(['life 1: anna 1 was confirmed and was never delivered in copy'])
})

test('history: an unconfirmed message may be missing', () => {
  const { history, publisher } = story()
  publisher.next()
  expect(history.finish()).toMatchObject({ published: 1, confirmed: 0, violations: 0 })
})

test('history: what was never published, came to a wrong queue, or has another byte is invented', () => {
  const { history, publisher, send } = story()
  const jobs = history.reader('jobs')
  const body = send()
  take(jobs, 1, letterOf({ publisher: publisher.id, sequence: 2, sentAtMs: NOW_MS, delayMs: 0, priority: 0 }))
  take(jobs, 2, letterOf({ publisher: 7, sequence: 1, sentAtMs: NOW_MS, delayMs: 0, priority: 0 }))
  take(jobs, 3, Buffer.concat([body, Buffer.from('x')]))
  take(jobs, 4, Buffer.from('hello'))
  expect(history.report.violations).toBe(4)
})

test('history: settled and handed out again in the same life is told; in the next life only when it was durable', () => {
  const { history, send } = story()
  const [first, second] = [send(), send()]
  let jobs = history.reader('jobs')
  takeAndAccept(jobs, 1, first)
  history.durable(jobs.takeBatch())
  takeAndAccept(jobs, 2, second)
  take(jobs, 3, second, true)
  expect(history.texts).toEqual(['life 1: anna 2 came back after it was settled in jobs'])
  jobs.settled(3, 'accept')
  history.beginLife()
  jobs = history.reader('jobs')
  take(jobs, 1, first, true)
  take(jobs, 2, second, true)
  expect(history.texts.slice(1)).toEqual(['life 2: anna 1 came back after its settlement was durable in jobs'])
})

test('history: an orderly stop makes durable what had been processed, a kill does not', () => {
  for (const clean of [true, false]) {
    const { history, send } = story()
    const body = send()
    const jobs = history.reader('jobs')
    takeAndAccept(jobs, 1, body)
    history.processed(jobs.takeBatch())
    if (clean) history.stoppedCleanly()
    history.beginLife()
    take(history.reader('jobs'), 1, body, true)
    expect(history.report.violations).toBe(clean ? 1 : 0)
  }
})

test('history: while it stops, a broker may give to one what another had, but not what it knows to be settled', () => {
  const { history, send } = story()
  const [first, second] = [send(), send()]
  const [jobs, others] = [history.reader('jobs'), history.reader('jobs')]
  takeAndAccept(jobs, 1, first)
  history.processed(jobs.takeBatch())
  takeAndAccept(jobs, 2, second)
  history.endLife()
  take(others, 1, second, true)
  expect(history.report.violations).toBe(0)
  take(others, 2, first, true)
  expect(history.texts).toEqual(['life 1: anna 1 came back after it was settled in jobs'])
})

test('history: first deliveries out of order are told, later ones are not', () => {
  const { history, send } = story()
  const [first, second, third] = [send(), send(), send()]
  let jobs = history.reader('jobs')
  take(jobs, 1, first)
  take(jobs, 2, second)
  jobs.settled(1, 'requeue')
  take(jobs, 3, first, true)
  expect(history.report.violations).toBe(0)
  history.beginLife()
  jobs = history.reader('jobs')
  take(jobs, 1, first, true)
  take(jobs, 2, third)
  take(jobs, 3, second, true)
  expect(history.texts).toEqual(['life 2: anna 2 came after 3 in jobs'])
})

test('history: two at once, and a second time without the flag, are told', () => {
  const { history, send } = story()
  const body = send()
  const jobs = history.reader('jobs')
  take(jobs, 1, body)
  take(history.reader('jobs'), 1, body, true)
  expect(history.texts).toEqual(['life 1: anna 1 was handed out twice at once in jobs'])
  jobs.settled(1, 'requeue')
  take(jobs, 2, body)
  expect(history.texts[1]).toBe('life 1: anna 1 came again, not marked redelivered in jobs')
})

test('history: the flag is expected in a later life once a later settlement was durable', () => {
  const { history, send } = story()
  const [first, second, third] = [send(), send(), send()]
  let jobs = history.reader('jobs')
  take(jobs, 1, first)
  take(jobs, 2, second)
  jobs.settled(2, 'accept')
  take(jobs, 3, third)
  history.durable(jobs.takeBatch())
  history.beginLife()
  jobs = history.reader('jobs')
  take(jobs, 1, first)
  take(jobs, 2, third)
  expect(history.texts).toEqual(['life 2: anna 1 came again, which is on disk, not marked redelivered in jobs'])
})

test('history: a rejected message is expected in the dead-letter queue, and no other is', () => {
  const { history, send } = story()
  const [first, second] = [send(), send()]
  const [jobs, copy, dead] = [history.reader('jobs'), history.reader('copy'), history.reader('dead')]
  for (const [index, body] of [first, second].entries()) {
    takeAndAccept(copy, index + 1, body)
    take(jobs, index + 1, body)
    jobs.settled(index + 1, index === 0 ? 'reject' : 'accept')
  }
  take(dead, 1, second)
  expect(history.texts).toEqual(['life 1: anna 2 is a dead letter that nobody rejected in dead'])
  history.finish()
  expect(history.texts[1]).toBe('life 1: anna 1 was rejected in jobs and never came to dead')
})

test('history: as many dead letters as rejections, and not one more', () => {
  const { history, send } = story()
  const body = send()
  let [jobs, dead] = [history.reader('jobs'), history.reader('dead')]
  take(jobs, 1, body)
  jobs.settled(1, 'reject')
  takeAndAccept(dead, 1, body)
  history.durable(dead.takeBatch())
  history.beginLife()
  ;[jobs, dead] = [history.reader('jobs'), history.reader('dead')]
  take(jobs, 1, body, true)
  jobs.settled(1, 'reject')
  takeAndAccept(dead, 1, body)
  history.durable(dead.takeBatch())
  expect(history.report.violations).toBe(0)
  take(dead, 2, body, true)
  expect(history.texts).toEqual(['life 2: anna 1 came back after its settlement was durable in dead'])
})

test('history: a delayed message before its time is told', () => {
  const { history, send } = story()
  const body = send(50)
  const jobs = history.reader('jobs')
  jobs.delivered(1, body, false, NOW_MS + 20)
  expect(history.texts).toEqual(['life 1: anna 1 came before its time in jobs'])
  jobs.settled(1, 'requeue')
  jobs.delivered(2, body, true, NOW_MS + 50)
  expect(history.report.violations).toBe(1)
})
