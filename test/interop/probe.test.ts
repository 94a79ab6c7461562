/**
 * What the broker answers to good and bad AMQP, case by case, compared with what RabbitMQ 3.10.8 answers: wording
 * included, because clients match texts. Where busbar differs on purpose, probe-answers.ts says how and why.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BrokerUnderTest, judgesBusbar, startBroker } from '../support/clients/broker-under-test.ts'
import { consumeCases, modeCases, publishCases, settleCases } from './probe/basic-cases.ts'
import { framingCases, handshakeCases } from './probe/connection-cases.ts'
import { closingCases, deliveryCases } from './probe/delivery-cases.ts'
import { exchangeCases } from './probe/exchange-cases.ts'
import { declareCases, kindCases, queueCases } from './probe/queue-cases.ts'
import { type ProbeCase, Stage } from './probe/stage.ts'
import { answers, differences } from './probe-answers.ts'

vi.setConfig({ testTimeout: 20_000 })

const groups: Record<string, readonly ProbeCase[]> = {
  handshake: handshakeCases,
  framing: framingCases,
  'declaring queues': declareCases,
  'kinds of queues': kindCases,
  queues: queueCases,
  exchanges: exchangeCases,
  publishing: publishCases,
  settling: settleCases,
  modes: modeCases,
  consuming: consumeCases,
  delivering: deliveryCases,
  closing: closingCases,
}

let broker: BrokerUnderTest
beforeAll(async () => {
  broker = await startBroker()
})
afterAll(() => broker?.stop())

/** Unlike any other run on the same server, and unlikely in any answer. */
const suffix = `.${process.pid}.${Date.now()}`

function expectedAnswer(name: string): string | undefined {
  return (judgesBusbar ? differences[name]?.answer : undefined) ?? answers[name]
}

for (const [group, cases] of Object.entries(groups)) {
  describe(group, () => {
    it.each(cases)('%s', async (name, run) => {
      const stage = new Stage(broker.port, suffix)
      try {
        expect(await run(stage)).toBe(expectedAnswer(name))
      } finally {
        stage.end()
      }
    })
  })
}

it('every answer and every difference belongs to a case', () => {
  const names = new Set(Object.values(groups).flatMap((cases) => cases.map(([name]) => name)))
  expect(Object.keys(answers).filter((name) => !names.has(name))).toEqual([])
  expect(Object.keys(differences).filter((name) => !(name in answers))).toEqual([])
})
