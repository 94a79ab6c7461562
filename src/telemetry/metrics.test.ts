import { expect, test } from 'vitest'
import { InvariantError } from '../base/errors.ts'
import { Metrics } from './metrics.ts'

test('metrics: the registry shows what owners counted, in the order of registration', () => {
  const metrics = new Metrics()
  const published = metrics.counter('published_total', 'Messages published.', { protocol: 'amqp' })
  const open = metrics.gauge('connections', 'Open connections.')
  let depth = 3
  metrics.observed('queue_messages', 'Ready messages.', () => depth)
  published.value += 5
  open.value = 2
  depth = 4
  const shown = [...metrics.all()].map((metric) =>
    metric.kind === 'histogram' ? [] : [metric.kind, metric.name, metric.read()],
  )
  expect(shown).toEqual([
    ['counter', 'published_total', 5],
    ['gauge', 'connections', 2],
    ['gauge', 'queue_messages', 4],
  ])
})

test('metrics: the same name and labels twice, another kind of the same name, or a bad name is a bug', () => {
  const metrics = new Metrics()
  metrics.gauge('depth', '', { queue: 'a', vhost: '/' })
  expect(() => metrics.gauge('depth', '', { vhost: '/', queue: 'a' })).toThrow(InvariantError)
  expect(() => metrics.histogram('depth', '', { queue: 'b' })).toThrow(InvariantError)
  expect(() => metrics.gauge('Depth-Of', '')).toThrow(InvariantError)
  expect(() => metrics.counter('published', '')).toThrow(InvariantError)
  metrics.remove('depth', { vhost: '/', queue: 'a' })
  metrics.gauge('depth', '', { queue: 'a', vhost: '/' })
})

test('metrics: a histogram gives count, sum and percentiles', () => {
  const histogram = new Metrics().histogram('latency_us', '')
  expect(histogram.percentile(99)).toBe(0)
  for (let value = 1; value <= 1000; value++) histogram.record(value)
  histogram.record(0.2)
  expect(histogram.count).toBe(1001)
  expect(histogram.sum).toBe(500_501)
  expect(Math.abs(histogram.percentile(50) - 500)).toBeLessThan(10)
  expect(Math.abs(histogram.percentile(99) - 990)).toBeLessThan(10)
})
