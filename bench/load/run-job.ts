/** Runs one job against a broker: opens the connections, waits, counts, and leaves the broker as it was. */
import { cpuUsage } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsumePlan, DrainJob, FillJob, Job, LoadResult, MeasureJob, PublishPlan, QueuePlan } from './job.ts'
import { LatencyRecorder } from './latency-recorder.ts'
import { LoadConnection } from './load-connection.ts'
import { LoadConsumer } from './load-consumer.ts'
import type { MessageShape } from './message-block.ts'
import { cpuSecondsOf } from './process-usage.ts'
import { PacedPublisher, type Publisher, UnconfirmedPublisher, WindowPublisher } from './publishers.ts'
import { addressOf, declareQueues, deleteQueues } from './topology.ts'

export async function runJob(job: Job): Promise<LoadResult> {
  const connections: LoadConnection[] = []
  const open = async (): Promise<LoadConnection> => {
    const connection = await LoadConnection.open(job.port)
    connections.push(connection)
    return connection
  }
  const control = await open()
  if (job.kind !== 'drain') await declareQueues(control, job.queues, job.kind === 'measure')
  const result = await runOf(job, open, connections)
  for (const connection of connections.slice(1)) connection.destroy()
  if (job.kind !== 'fill') await deleteQueues(control, job.queues)
  await control.close()
  return result
}

type Open = () => Promise<LoadConnection>

function runOf(job: Job, open: Open, connections: readonly LoadConnection[]): Promise<LoadResult> {
  switch (job.kind) {
    case 'measure':
      return measure(job, open, connections)
    case 'fill':
      return fill(job, open, connections)
    case 'drain':
      return drain(job, open, connections)
  }
}

async function measure(job: MeasureJob, open: Open, connections: readonly LoadConnection[]): Promise<LoadResult> {
  const latency = job.publish.pace.kind === 'rate' ? new LatencyRecorder() : undefined
  const consumers = await openConsumers(job.consume, job.queues, open, latency)
  const publishers = await openPublishers(job.publish, job.queues, open)
  const account = new Account(job.brokerPid, publishers, consumers)
  for (const publisher of publishers) publisher.start()
  await untilFailure(sleep(job.warmupMs), connections)
  latency?.begin()
  account.begin()
  await untilFailure(sleep(job.measureMs), connections)
  const result = account.end(blockedCountOf(connections), latency)
  latency?.end()
  for (const publisher of publishers) publisher.stop()
  for (const consumer of consumers) checkBodies(consumer, job.publish.bodyBytes)
  return result
}

async function fill(job: FillJob, open: Open, connections: readonly LoadConnection[]): Promise<LoadResult> {
  const publishers: WindowPublisher[] = []
  for (const part of shares(job.publish, job.queues)) {
    const count = Math.ceil(job.count / job.publish.connections)
    publishers.push(await WindowPublisher.open(await open(), part.shape, part.window, count))
  }
  const account = new Account(job.brokerPid, publishers, [])
  account.begin()
  await untilFailure(Promise.all(publishers.map((publisher) => publisher.run())), connections)
  return account.end(blockedCountOf(connections), undefined)
}

async function drain(job: DrainJob, open: Open, connections: readonly LoadConnection[]): Promise<LoadResult> {
  const connection = await open()
  const consumer = new LoadConsumer(connection, job.consume.acks, undefined, job.count)
  const account = new Account(job.brokerPid, [], [consumer])
  account.begin()
  const finished = consumer.finished()
  await consumer.consume(job.queues.names, job.consume.prefetch)
  await untilFailure(finished, connections)
  return account.end(blockedCountOf(connections), undefined)
}

async function openConsumers(
  plan: ConsumePlan,
  queues: QueuePlan,
  open: Open,
  latency: LatencyRecorder | undefined,
): Promise<LoadConsumer[]> {
  const consumers: LoadConsumer[] = []
  for (let index = 0; index < plan.connections; index++) {
    const consumer = new LoadConsumer(await open(), plan.acks, latency)
    await consumer.consume(shareOf(queues.names, index, plan.connections), plan.prefetch)
    consumers.push(consumer)
  }
  return consumers
}

async function openPublishers(plan: PublishPlan, queues: QueuePlan, open: Open): Promise<Publisher[]> {
  const publishers: Publisher[] = []
  for (const { shape, window } of shares(plan, queues)) {
    const connection = await open()
    switch (plan.pace.kind) {
      case 'window':
        publishers.push(await WindowPublisher.open(connection, shape, window))
        break
      case 'unconfirmed':
        publishers.push(new UnconfirmedPublisher(connection, shape))
        break
      case 'rate':
        publishers.push(await PacedPublisher.open(connection, shape, plan.pace.perSecond / plan.connections))
    }
  }
  return publishers
}

/** Each publishing connection gets its share of the queues and of the window. */
function shares(plan: PublishPlan, queues: QueuePlan): { shape: MessageShape; window: number }[] {
  const { exchange, routingKeys } = addressOf(queues)
  const { bodyBytes, persistent, connections, pace } = plan
  return Array.from({ length: connections }, (_, index) => ({
    shape: { exchange, routingKeys: shareOf(routingKeys, index, connections), bodyBytes, persistent },
    window: pace.kind === 'window' ? Math.floor(pace.window / connections) : 0,
  }))
}

/** Every `count`-th name from `index` on; where there are fewer names than connections, all of them for each. */
function shareOf(names: readonly string[], index: number, count: number): readonly string[] {
  return names.length < count ? names : names.filter((_, position) => position % count === index)
}

async function untilFailure(work: Promise<unknown>, connections: readonly LoadConnection[]): Promise<void> {
  await Promise.race([work, ...connections.map((connection) => connection.failure)])
}

function blockedCountOf(connections: readonly LoadConnection[]): number {
  return connections.reduce((sum, { blockedCount }) => sum + blockedCount, 0)
}

/** A generator that miscounts would praise the broker: every delivery had one body of the published size. */
function checkBodies(consumer: LoadConsumer, bodyBytes: number): void {
  if (consumer.bodyBytes === consumer.deliveredCount * bodyBytes) return
  throw new Error(`${consumer.deliveredCount} deliveries brought ${consumer.bodyBytes} bytes, not ${bodyBytes} each`)
}

interface Reading {
  readonly atMs: number
  readonly publishedCount: number
  readonly confirmedCount: number
  readonly deliveredCount: number
  readonly generatorCpuSeconds: number
  readonly brokerCpuSeconds: number | undefined
}

/** All counters at the beginning and at the end of the measured time. */
class Account {
  readonly #brokerPid: number
  readonly #publishers: readonly Publisher[]
  readonly #consumers: readonly LoadConsumer[]
  #before: Reading

  constructor(brokerPid: number, publishers: readonly Publisher[], consumers: readonly LoadConsumer[]) {
    this.#brokerPid = brokerPid
    this.#publishers = publishers
    this.#consumers = consumers
    this.#before = this.#read()
  }

  begin(): void {
    for (const publisher of this.#publishers) if (publisher instanceof PacedPublisher) publisher.forgetLateness()
    this.#before = this.#read()
  }

  end(blockedCount: number, latency: LatencyRecorder | undefined): LoadResult {
    const before = this.#before
    const after = this.#read()
    const seconds = (after.atMs - before.atMs) / 1000
    const brokerCpuSeconds =
      after.brokerCpuSeconds === undefined || before.brokerCpuSeconds === undefined
        ? undefined
        : after.brokerCpuSeconds - before.brokerCpuSeconds
    const paced = this.#publishers.filter((publisher) => publisher instanceof PacedPublisher)
    return {
      seconds,
      publishedCount: after.publishedCount - before.publishedCount,
      confirmedCount: after.confirmedCount - before.confirmedCount,
      deliveredCount: after.deliveredCount - before.deliveredCount,
      generatorCores: (after.generatorCpuSeconds - before.generatorCpuSeconds) / seconds,
      brokerCores: brokerCpuSeconds === undefined ? undefined : brokerCpuSeconds / seconds,
      blockedCount,
      latency: latency?.result(),
      publisherLatenessMaxMs: paced.length === 0 ? undefined : Math.max(...paced.map((each) => each.latenessMaxMs)),
    }
  }

  #read(): Reading {
    const own = cpuUsage()
    return {
      atMs: performance.now(),
      publishedCount: this.#publishers.reduce((sum, each) => sum + each.publishedCount, 0),
      confirmedCount: this.#publishers.reduce((sum, each) => sum + each.confirmedCount, 0),
      deliveredCount: this.#consumers.reduce((sum, each) => sum + each.deliveredCount, 0),
      generatorCpuSeconds: (own.user + own.system) / 1e6,
      brokerCpuSeconds: cpuSecondsOf(this.#brokerPid),
    }
  }
}
