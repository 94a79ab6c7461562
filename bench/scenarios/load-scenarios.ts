/**
 * The rows in which messages flow: for each a plan for the generator, the figure that is read off its result, and what it
 * is compared with. A plan is the same for every broker.
 */
import type { ConsumePlan, LoadResult, PublishPlan, QueuePlan } from '../load/job.ts'
import type { AckPlan } from '../load/load-consumer.ts'
import type { Goal, Unit } from '../report/figures.ts'

export interface LoadScenario {
  readonly id: string
  /** Which id of the command line asks for it, when that is not its own. */
  readonly askedBy?: string
  readonly what: string
  readonly unit: Unit
  readonly queues: QueuePlan
  readonly publish: PublishPlan
  readonly consume: ConsumePlan
  readonly figure: (result: LoadResult) => number
  /** More of the same runs, each a row of its own, `id-suffix`. */
  readonly alsoShown?: readonly { readonly suffix: string; readonly what: string; figure(result: LoadResult): number }[]
  readonly against: 'rabbitmq' | { readonly rowId: string }
  readonly goal?: Goal
}

const WINDOW = 2000
/** Enough never to be what holds a consumer back, and bounded, as in a program that cares for its memory. */
const PREFETCH = 1000
const PACED_PER_SECOND = 10_000

/** The slower of the two sides: a broker that takes in more than it hands out only grows a backlog. */
const slowerSide = ({ confirmedCount, deliveredCount, seconds }: LoadResult): number =>
  Math.min(confirmedCount, deliveredCount) / seconds
const delivered = ({ deliveredCount, seconds }: LoadResult): number => deliveredCount / seconds
const confirmed = ({ confirmedCount, seconds }: LoadResult): number => confirmedCount / seconds
const p50Ms = ({ latency }: LoadResult): number => (latency?.p50Us ?? 0) / 1000
const p99Ms = ({ latency }: LoadResult): number => (latency?.p99Us ?? 0) / 1000
const p999Ms = ({ latency }: LoadResult): number => (latency?.p999Us ?? 0) / 1000

const queue = (name: string, changes: Partial<QueuePlan> = {}): QueuePlan => ({
  names: [`bench-${name}`],
  durable: true,
  arguments: {},
  fanout: false,
  ...changes,
})

/** One digit count for all, so that every message has the same size. */
const manyNames = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `bench-${name}-${String(index).padStart(5, '0')}`)

const confirmedPublish: PublishPlan = {
  connections: 1,
  bodyBytes: 100,
  persistent: true,
  pace: { kind: 'window', window: WINDOW },
}

/** @param acks how the consumers of the rows with acks acknowledge */
export function loadScenarios(acks: AckPlan): readonly LoadScenario[] {
  const acked: ConsumePlan = { connections: 1, prefetch: PREFETCH, acks }
  return [...figures(acked), ...insights(acked)]
}

function figures(acked: ConsumePlan): LoadScenario[] {
  const four = { ...confirmedPublish, connections: 4 }
  const manyToMany = { publish: four, consume: { ...acked, connections: 4 }, unit: 'msg/s', figure: confirmed } as const
  return [
    {
      ...base('a', acked),
      what: `AMQP, 100 B, durable + confirms (window ${WINDOW}), one publisher, one consumer, classic queue`,
      goal: { kind: 'ratio-at-least', reach: 3, moonshot: 5 },
    },
    {
      ...base('b', acked),
      what: 'AMQP, 100 B, transient, no confirms, no acks',
      queues: queue('b', { durable: false }),
      publish: { ...confirmedPublish, persistent: false, pace: { kind: 'unconfirmed' } },
      consume: { ...acked, acks: { kind: 'none' } },
      figure: delivered,
      goal: { kind: 'ratio-at-least', reach: 3, moonshot: 5 },
    },
    {
      ...base('c', acked),
      what: 'AMQP, p99 publish-to-deliver at 10k msg/s, 100 B durable + confirms',
      unit: 'ms',
      publish: { ...confirmedPublish, pace: { kind: 'rate', perSecond: PACED_PER_SECOND } },
      figure: p99Ms,
      alsoShown: [
        { suffix: 'p50', what: 'the same, p50', figure: p50Ms },
        { suffix: 'p999', what: 'the same, p99.9', figure: p999Ms },
      ],
      goal: { kind: 'ratio-at-most', reach: 1, moonshot: 0.3 },
    },
    {
      ...base('d', acked),
      ...manyToMany,
      what: '1,000 durable queues busy at once, total confirmed, 4 publishers, 4 consumers',
      queues: queue('d', { names: manyNames('d', 1000) }),
      against: { rowId: 'd-one' },
      goal: { kind: 'ratio-at-least', reach: 0.5, moonshot: 0.9 },
    },
    { ...base('d-one', acked), ...manyToMany, askedBy: 'd', what: 'the load of d on 1 queue' },
  ]
}

function insights(acked: ConsumePlan): LoadScenario[] {
  const sized = (bodyBytes: number): PublishPlan => ({ ...confirmedPublish, bodyBytes })
  return [
    {
      ...base('b-acks', acked),
      what: 'as b, with acks',
      queues: queue('b-acks', { durable: false }),
      publish: { ...confirmedPublish, persistent: false, pace: { kind: 'unconfirmed' } },
      figure: delivered,
    },
    { ...base('kib1', acked), what: 'as a, 1 KiB', publish: sized(1024) },
    { ...base('kib16', acked), what: 'as a, 16 KiB', publish: sized(16 * 1024) },
    {
      ...base('ten', acked),
      what: 'as a, 10 publishers, 10 consumers on the queue',
      publish: { ...confirmedPublish, connections: 10 },
      consume: { ...acked, connections: 10, prefetch: PREFETCH / 10 },
    },
    {
      ...base('fanout', acked),
      what: 'as a, to a fanout of 10 queues, delivered',
      queues: queue('fanout', { names: manyNames('fanout', 10), fanout: true }),
      figure: delivered,
    },
    { ...base('quorum', acked), what: 'as a, quorum queue', queues: queue('quorum', typed('x-queue-type', 'quorum')) },
    { ...base('lazy', acked), what: 'as a, lazy queue', queues: queue('lazy', typed('x-queue-mode', 'lazy')) },
    {
      ...base('classic-v2', acked),
      what: 'as a, x-queue-version 2',
      queues: queue('classic-v2', typed('x-queue-version', 2)),
    },
  ]
}

const typed = (name: string, value: string | number): Partial<QueuePlan> => ({ arguments: { [name]: value } })

/** Row a, which most rows vary in one thing. */
function base(id: string, acked: ConsumePlan): Omit<LoadScenario, 'what'> {
  return {
    id,
    unit: 'msg/s',
    queues: queue(id),
    publish: confirmedPublish,
    consume: acked,
    figure: slowerSide,
    against: 'rabbitmq',
  }
}

/** Timers are a few milliseconds late on a busy machine; beyond this the load was not even. */
const LATENESS_MAX_MS = 20

/** What a result says against itself; a reader should know it. */
export function doubtsAbout(scenario: LoadScenario, result: LoadResult): string[] {
  const doubts: string[] = []
  if (result.blockedCount > 0) doubts.push('the broker blocked the publisher (an alarm)')
  if (result.deliveredCount === 0) doubts.push('nothing was delivered')
  if (scenario.publish.pace.kind === 'rate') {
    const wanted = scenario.publish.pace.perSecond * result.seconds
    const share = Math.min(result.publishedCount, result.deliveredCount) / wanted
    if (share < 0.98) doubts.push('less than 98 % of the rate was kept up')
  }
  if ((result.publisherLatenessMaxMs ?? 0) > LATENESS_MAX_MS) {
    doubts.push(`the generator was more than ${LATENESS_MAX_MS} ms late at times, so the load came in bursts`)
  }
  return doubts
}
