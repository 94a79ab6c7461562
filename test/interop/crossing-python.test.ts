/** The crossing with pika at one door and kafka-python at the other: every type of header and every compression they have. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { ownName } from '../support/clients/amqplib-client.ts'
import { describeWithPython } from '../support/clients/describe-with-python.ts'
import { judgesOwnKafka, type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'
import { Program } from '../support/clients/program.ts'
import { pythonWith } from '../support/clients/python-venv.ts'

vi.setConfig({ testTimeout: 60_000 })

const programs = fileURLToPath(new URL('./programs/python/crossing', import.meta.url))
const everyByteHex = Buffer.from(Array.from({ length: 256 }, (_, index) => index)).toString('hex')
const hex = (text: string): string => Buffer.from(text).toString('hex')

let broker: KafkaUnderTest
let withPika = ''
beforeAll(async () => {
  const pika = await pythonWith('pika')
  if (pika.kind === 'ready') withPika = pika.executable
  if (judgesOwnKafka) broker = await startKafkaBroker()
})
afterAll(() => broker?.stop())

async function run(python: string, file: string, ...words: string[]): Promise<unknown[]> {
  const env = { AMQP_URL: broker.amqpUrl ?? '', KAFKA: broker.bootstrap }
  const lines = await new Program(python, [`${programs}/${file}`, ...words], { env }).finished()
  return lines.map((line): unknown => JSON.parse(line))
}

if (judgesOwnKafka) {
  await describeWithPython('kafka-python', 'crossing with pika and kafka-python', (withKafka) => {
    beforeEach(({ skip }) => skip(withPika === '', 'no Python here has pika'))

    it('pika publishes, kafka-python reads', async () => {
      const stream = ownName('pika')
      await run(withPika, 'pika_side.py', 'publish', stream)
      const records = await run(withKafka, 'kafka_side.py', 'read', stream, '4')
      expect(records).toEqual([
        { offset: 0, key: null, value: everyByteHex, headers: [] },
        { offset: 1, key: null, value: hex('all'), headers: everyHeader },
        { offset: 2, key: '006bff', value: hex('keyed'), headers: [] },
        { offset: 3, key: hex('gone'), value: null, headers: [] },
      ])
    })

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
      'kafka-python produces with compression %s, pika consumes',
      async (compression) => {
        const topic = ownName(compression)
        expect(await run(withKafka, 'kafka_side.py', 'produce', topic, compression)).toEqual([[0, 1, 2]])
        const first = 1_700_000_000_123
        const seconds = Math.floor(first / 1000)
        const properties = { delivery_mode: 2, timestamp: seconds }
        expect(await run(withPika, 'pika_side.py', 'consume', topic, '3')).toEqual([
          { body: everyByteHex, properties, headers: { timestamp_in_ms: first, 'x-stream-offset': 0 } },
          {
            body: hex('all'.repeat(1000)),
            properties,
            headers: {
              text: 'grüße',
              bytes: { hex: '00ff' },
              empty: '',
              many: ['1', '2'],
              'kafka-key': 'k',
              timestamp_in_ms: first + 1,
              'x-stream-offset': 1,
            },
          },
          {
            body: '',
            properties,
            headers: {
              'kafka-key': { hex: '006bff' },
              'kafka-tombstone': true,
              timestamp_in_ms: first + 2,
              'x-stream-offset': 2,
            },
          },
        ])
      },
    )
  })
}

/** In the order of the wire: pika's headers, then the properties. */
const everyHeader: [string, string | null][] = [
  ['text', hex('grüße')],
  ['bytes', '00ff'],
  ['int', hex('7')],
  ['long', hex('1099511627776')],
  ['yes', hex('true')],
  ['decimal', hex('1.5')],
  ['time', hex('1700000000')],
  ['nothing', null],
  ['list', hex('a')],
  ['list', hex('2')],
  ['map', hex('{"inner":"x"}')],
  ['amqp-content-type', hex('text/plain')],
  ['amqp-content-encoding', hex('identity')],
  ['amqp-delivery-mode', hex('2')],
  ['amqp-priority', hex('3')],
  ['amqp-correlation-id', hex('c')],
  ['amqp-reply-to', hex('r')],
  ['amqp-expiration', hex('3600000')],
  ['amqp-message-id', hex('m')],
  ['amqp-timestamp', hex('1700000000')],
  ['amqp-type', hex('t')],
  ['amqp-user-id', hex('guest')],
  ['amqp-app-id', hex('a')],
  ['amqp-cluster-id', hex('cl')],
]
