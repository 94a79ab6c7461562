/**
 * Celery end to end with its defaults: a worker and programs that send it tasks, over py-amqp, judged by results. Each
 * group of tests has its own queue, so that a server that is not ours may remember what it likes.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BrokerUnderTest, startBroker } from '../support/clients/broker-under-test.ts'
import { describeWithPython } from '../support/clients/describe-with-python.ts'
import { Program } from '../support/clients/program.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const shop = fileURLToPath(new URL('./programs/python/celery', import.meta.url))

let broker: BrokerUnderTest

/** A shop of its own: one queue, and settings that hold for the worker and for those who use it. */
class Shop {
  readonly #python: string
  readonly #env: Record<string, string>
  readonly #running: Program[] = []

  constructor(python: string, settings: Record<string, string> = {}) {
    this.#python = python
    this.#env = { AMQP_URL: broker.url, QUEUE: `shop.${randomUUID()}`, ...settings }
  }

  get queue(): string {
    return this.#env['QUEUE']!
  }

  async worker(...options: string[]): Promise<Program> {
    const name = `${randomUUID()}@shop`
    const program = this.#start([
      '-m',
      'celery',
      '-A',
      'shop',
      'worker',
      '-n',
      name,
      '--loglevel',
      'WARNING',
      ...options,
    ])
    await program.line('worker ready')
    return program
  }

  /** What each scenario came to. */
  async use(...scenarios: string[]): Promise<unknown[]> {
    const lines = await this.#start(['use.py', ...scenarios]).finished()
    return lines.map((line): unknown => JSON.parse(line))
  }

  /** Workers are asked to go as an operator would ask: their child processes go with them. */
  async close(): Promise<void> {
    await Promise.all(this.#running.map((program) => program.end('SIGTERM')))
  }

  #start(args: string[]): Program {
    const program = new Program(this.#python, args, { cwd: shop, env: this.#env })
    this.#running.push(program)
    return program
  }
}

await describeWithPython('celery', 'Celery', (python) => {
  beforeAll(async () => {
    broker = await startBroker()
  })
  afterAll(() => broker?.stop())
  describe('with a worker as it comes', () => defaultWorker(python))
  describe('with a worker of its own', () => ownWorkers(python))
})

function defaultWorker(python: string): void {
  let open: Shop
  beforeAll(async () => {
    open = new Shop(python)
    await open.worker('--concurrency', '2')
  })
  afterAll(() => open?.close())

  it('celery: results and failures come back over rpc', async () => {
    expect(await open.use('result', 'failure')).toEqual([
      [0, 2, 4, 6, 8],
      ['ValueError', 'no copper'],
    ])
  })

  it('celery: a task that asks for another try gets it', async () => {
    expect(await open.use('retries')).toEqual([2])
  })

  it('celery: a task with a countdown waits for its time', async () => {
    expect(await open.use('countdown')).toEqual([true])
  })

  it('celery: groups and chains come together', async () => {
    expect(await open.use('group_of_ten', 'chained')).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 113])
  })

  it('celery: the worker answers remote control, and takes a task back', async () => {
    expect(await open.use('control', 'revoked')).toEqual([[[['ok', 'pong']], true, [open.queue]], true])
  })
}

function ownWorkers(python: string): void {
  let shops: Shop[] = []
  const opened = (settings: Record<string, string> = {}): Shop => {
    const fresh = new Shop(python, settings)
    shops.push(fresh)
    return fresh
  }
  afterEach(async () => {
    await Promise.all(shops.map((each) => each.close()))
    shops = []
  })

  it('celery: a chord waits for all of its parts', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'busbar-celery-'))
    // The rpc backend has no chords; results go to files here.
    const open = opened({ RESULTS: `file://${directory}` })
    await open.worker('--concurrency', '2')
    expect(await open.use('chorded')).toEqual([20])
    await rm(directory, { recursive: true })
  })

  it('celery: the task of a worker that is killed is run by another, when it is acknowledged late', async () => {
    const open = opened()
    const doomed = await open.worker('--pool', 'solo')
    await open.use('begin_heavy')
    await doomed.line('heavy begun')
    await doomed.end('SIGKILL')
    const heir = await open.worker('--pool', 'solo')
    await heir.line('heavy begun again')
    await heir.line('heavy done')
  })

  it('celery: tasks of higher priority are run first', async () => {
    const open = opened({ PRIORITIES: '1' })
    await open.use('priorities')
    const worker = await open.worker('--pool', 'solo')
    await worker.lineWhere(
      () => worker.lines.filter((line) => line.startsWith('announced')).length === 6,
      'six announced',
    )
    expect(worker.lines.filter((line) => line.startsWith('announced'))).toEqual(
      ['9', '9', '5', '1', '1', 'None'].map((priority) => `announced ${priority}`),
    )
  })

  it('celery: quorum queues, and countdowns that the broker keeps by itself', async () => {
    const open = opened({ QUORUM: '1' })
    await open.worker('--concurrency', '2')
    expect(await open.use('result', 'countdown')).toEqual([[0, 2, 4, 6, 8], true])
  })
}
