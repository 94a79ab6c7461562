/**
 * Counters, gauges and histograms: plain numbers in memory. Counting is one addition on a field, with no lookup and no
 * allocation, so hot paths may do it per message; who counts keeps the object. Whoever shows them (a page for Prometheus)
 * walks the registry; nothing here knows a format.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { invariant } from '../base/errors.ts'

export type Labels = Readonly<Record<string, string>>

/** Only grows. Incremented in place: `published.value++`. */
export class Counter {
  value = 0
}

/** Goes up and down. */
export class Gauge {
  value = 0
}

/** Whole numbers of at least 1, such as microseconds or bytes; percentiles are read off it. */
export class Histogram {
  #inner: RecordableHistogram = createHistogram()
  #sum = 0

  record(value: number): void {
    const whole = value < 1 ? 1 : Math.round(value)
    this.#sum += whole
    this.#inner.record(whole)
  }

  get count(): number {
    return this.#inner.count
  }

  get sum(): number {
    return this.#sum
  }

  /** @param percent 0 to 100; 0 when nothing was recorded */
  percentile(percent: number): number {
    return this.#inner.count === 0 ? 0 : this.#inner.percentile(percent)
  }
}

export type Metric =
  | { kind: 'counter'; name: string; help: string; labels: Labels; read: () => number }
  | { kind: 'gauge'; name: string; help: string; labels: Labels; read: () => number }
  | { kind: 'histogram'; name: string; help: string; labels: Labels; histogram: Histogram }

/** Names are Prometheus's: `busbar_amqp_published_total`, unit last, counters end in `_total`. */
const NAME = /^[a-z][a-z0-9_]*$/

/**
 * Everything that is counted, in the order it was registered. A name belongs to one kind; name and labels together are
 * registered once, so that two owners never count into one number by accident.
 */
export class Metrics {
  #byKey = new Map<string, Metric>()
  #kinds = new Map<string, Metric['kind']>()

  counter(name: string, help: string, labels: Labels = {}): Counter {
    invariant(name.endsWith('_total'), `counter ${name} ends in _total`)
    const counter = new Counter()
    this.#add({ kind: 'counter', name, help, labels, read: () => counter.value })
    return counter
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    const gauge = new Gauge()
    this.#add({ kind: 'gauge', name, help, labels, read: () => gauge.value })
    return gauge
  }

  /** A gauge whose owner knows the number anyway: asked only when somebody looks. */
  observed(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.#add({ kind: 'gauge', name, help, labels, read })
  }

  histogram(name: string, help: string, labels: Labels = {}): Histogram {
    const histogram = new Histogram()
    this.#add({ kind: 'histogram', name, help, labels, histogram })
    return histogram
  }

  /** What belonged to something that is gone (a queue, a listener) is not shown any more. */
  remove(name: string, labels: Labels = {}): void {
    this.#byKey.delete(keyOf(name, labels))
  }

  all(): Iterable<Metric> {
    return this.#byKey.values()
  }

  #add(metric: Metric): void {
    const { name, labels, kind } = metric
    invariant(NAME.test(name), `metric name ${name}`)
    const known = this.#kinds.get(name)
    invariant(known === undefined || known === kind, `metric ${name} is a ${known}, not a ${kind}`)
    const key = keyOf(name, labels)
    invariant(!this.#byKey.has(key), `metric ${key} is registered already`)
    this.#kinds.set(name, kind)
    this.#byKey.set(key, metric)
  }
}

/** The same labels in another order are the same metric. */
function keyOf(name: string, labels: Labels): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))])
}
