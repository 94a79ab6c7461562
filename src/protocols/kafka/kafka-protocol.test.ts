import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { defaultUsers } from '../../access/users.ts'
import { ManualClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { MessageFormats } from '../../message/message-format.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { Metrics } from '../../telemetry/metrics.ts'
import { KafkaProtocol } from './kafka-protocol.ts'
import { defaultKafkaSettings, type KafkaSettings } from './settings.ts'
import { IdleDoor, MemorySocket, TestClient, turns } from './test-kit.ts'
import { API } from './wire/schemas/apis.gen.ts'

class ProtocolStage {
  readonly door = new IdleDoor()
  readonly clock = new ManualClock()
  readonly protocol: KafkaProtocol

  constructor(settings: Partial<KafkaSettings> = {}) {
    const context = {
      door: this.door,
      users: defaultUsers(seededRandom(1)),
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      metrics: new Metrics(),
    }
    this.protocol = new KafkaProtocol(context, new MessageFormats(), { ...defaultKafkaSettings, ...settings })
  }

  connect(listener = 'kafka://0.0.0.0:9092'): TestClient {
    const socket = new MemorySocket()
    // A stream in memory has what a connection uses of a socket.
    this.protocol.accept(socket as unknown as Socket, new URL(listener))
    return new TestClient(socket)
  }
}

test('protocol: a stop ends every connection, and resolves when the last is gone', async () => {
  const stage = new ProtocolStage()
  const clients = [stage.connect(), stage.connect()]
  for (const client of clients) await client.ask(API.ApiVersions, 0, {})
  expect(stage.protocol.connectionCount).toBe(2)
  let isStopped = false
  const stopped = stage.protocol.stop().then(() => {
    isStopped = true
  })
  await turns()
  expect(clients.map(({ isClosed }) => isClosed)).toEqual([true, true])
  clients[0]!.hangUp()
  await turns()
  expect(isStopped).toBe(false)
  // The other peer keeps its side open: it is dropped in time.
  stage.clock.advance(defaultKafkaSettings.closeTimeoutMs)
  await stopped
  expect([stage.protocol.connectionCount, stage.door.sessions.every(({ isClosed }) => isClosed)]).toEqual([0, true])
  await stage.protocol.stop()
  expect(stage.connect().isClosed).toBe(true)
})

test('protocol: a client is told the address it came in by, the setting of all, or that of its listener', async () => {
  const told = async (client: TestClient): Promise<string> => {
    const { brokers } = await client.ask(API.DescribeCluster, 0, {})
    return `${brokers[0]!.host}:${brokers[0]!.port}`
  }
  const plain = new ProtocolStage()
  expect(await told(plain.connect())).toBe('127.0.0.1:9092')
  const fixed = new ProtocolStage({ advertise: { host: 'all.example', port: 1 } })
  expect(await told(fixed.connect())).toBe('all.example:1')
  expect(await told(fixed.connect('kafka://0.0.0.0:9092?advertise=one.example:2'))).toBe('one.example:2')
})
