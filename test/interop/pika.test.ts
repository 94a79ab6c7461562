/** What applications do with pika: BlockingConnection step by step, and SelectConnection with callbacks. */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type BrokerUnderTest, startBroker } from '../support/clients/broker-under-test.ts'
import { describeWithPython } from '../support/clients/describe-with-python.ts'
import { Program } from '../support/clients/program.ts'

vi.setConfig({ testTimeout: 30_000 })

const programs = fileURLToPath(new URL('./programs/python/pika', import.meta.url))

/** What each scenario of blocking.py comes to. */
const outcomes: Readonly<Record<string, { title: string; outcome: unknown }>> = {
  confirm_delivery: {
    title: 'confirms, refusals and returns are told apart',
    outcome: ['taken', 'taken', 'taken', 'refused', 'refused', [312, 'NO_ROUTE', 'lost'], '0', '1', '2'],
  },
  returned: { title: 'a mandatory message comes back without confirms too', outcome: [['no.one', 'lost']] },
  cancelled_by_broker: { title: 'a consumer ends when its queue is deleted', outcome: true },
  nack_and_requeue: {
    title: 'several given back at once come again in order',
    outcome: ['a', 'b', 'c', 'a!', 'b!', 'c!'],
  },
  transactions: { title: 'a transaction shows nothing before its commit', outcome: [0, 1, 'kept', 0] },
  closed_channel: {
    title: 'a channel that asked for a missing queue is closed, the connection is not',
    outcome: [404, "NOT_FOUND - no queue 'nobody made this' in vhost '/'", true],
  },
  closed_connection: {
    title: 'a consumer tag used twice closes the connection with its reason',
    outcome: [530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'"],
  },
  wrong_password: { title: 'a wrong password is recognised as one', outcome: true },
  inactive_generator: { title: 'a consumer that waits in vain is let go', outcome: [null, null, null] },
  headers_and_types: { title: 'headers keep their types', outcome: [true, 'x/y', 3, ''] },
}

await describeWithPython('pika', 'pika', (python) => {
  let broker: BrokerUnderTest
  beforeAll(async () => {
    broker = await startBroker()
  })
  afterAll(() => broker?.stop())

  const run = (file: string, ...args: string[]): Program =>
    new Program(python, [`${programs}/${file}`, ...args], { env: { AMQP_URL: broker.url } })

  for (const [scenario, { title, outcome }] of Object.entries(outcomes)) {
    it(`pika: ${title}`, async () => {
      const [line] = await run('blocking.py', scenario).finished()
      expect(JSON.parse(line ?? '')).toEqual(outcome)
    })
  }

  it('pika: an event loop publishes with confirms, consumes and ends itself', async () => {
    const lines = await run('event_loop.py', '1000', `loop.${randomUUID()}`).finished()
    expect(lines).toEqual(['confirmed 1000', 'received 1000 in order: True', 'cancelled', 'closed 200'])
  })
})
