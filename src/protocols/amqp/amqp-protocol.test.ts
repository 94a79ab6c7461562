import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { defaultUsers } from '../../access/users.ts'
import { systemClock } from '../../base/clock.ts'
import { systemRandom } from '../../base/random.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { Metrics } from '../../telemetry/metrics.ts'
import { AmqpProtocol } from './amqp-protocol.ts'
import { FakeDoor } from './fake-session.test-kit.ts'
import { FRAME_METHOD, FrameParser, PROTOCOL_HEADER } from './wire/frame.ts'
import type { Method } from './wire/method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from './wire/methods.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function start(): Promise<{ protocol: AmqpProtocol; door: FakeDoor; port: number }> {
  const door = new FakeDoor()
  const protocol = new AmqpProtocol({
    door,
    users: defaultUsers(),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: new Metrics(),
  })
  const server = createServer((socket) => protocol.accept(socket))
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { protocol, door, port: (server.address() as AddressInfo).port }
}

/** Answers what it must to get through the handshake, and a close; keeps what it was told. */
async function client(
  port: number,
  isPolite: boolean,
): Promise<{ socket: Socket; told: Method[]; opened: Promise<void> }> {
  const socket = connect(port, '127.0.0.1')
  const told: Method[] = []
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const answers: Partial<Record<Method['kind'], () => Method[]>> = {
    'connection.start': () => [
      makeMethod('connection.start-ok', { mechanism: 'PLAIN', response: Buffer.from('\0guest\0guest') }),
    ],
    'connection.tune': () => [
      makeMethod('connection.tune-ok', { channelMax: 1, frameMax: 4096, heartbeat: 0 }),
      makeMethod('connection.open', { virtualHost: '/' }),
    ],
    'connection.close': () => (isPolite ? [makeMethod('connection.close-ok')] : []),
  }
  const parser = new FrameParser({
    frame: (type, _channel, buffer, start, end) => {
      if (type !== FRAME_METHOD) return
      const method = decodeMethod(buffer, start, end)
      told.push(method)
      for (const answer of answers[method.kind]?.() ?? []) socket.write(encodeMethod(0, answer))
      if (method.kind === 'connection.open-ok') open()
    },
  })
  socket.on('data', (chunk: Buffer) => parser.push(chunk))
  socket.on('error', () => {})
  socket.write(PROTOCOL_HEADER)
  return { socket, told, opened }
}

test('protocol: stop says goodbye to everybody, and nobody is accepted any more', async () => {
  const { protocol, door, port } = await start()
  const clients = [await client(port, true), await client(port, true)]
  await Promise.all(clients.map(({ opened }) => opened))
  const silent = connect(port, '127.0.0.1')
  silent.on('error', () => {})
  await once(silent, 'connect')
  while (protocol.connectionCount < 3) await new Promise((resolve) => setImmediate(resolve))
  const ends = [...clients.map(({ socket }) => socket), silent].map((socket) => once(socket, 'close'))
  await protocol.stop()
  await Promise.all(ends)
  for (const { told } of clients) {
    expect(told.at(-1)).toMatchObject({
      kind: 'connection.close',
      replyCode: 320,
      replyText: "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
    })
  }
  expect(protocol.connectionCount).toBe(0)
  expect(door.sessions.map(({ isClosed }) => isClosed)).toEqual([true, true])
  const late = connect(port, '127.0.0.1')
  late.on('error', () => {})
  await once(late, 'close')
  await protocol.stop()
})

test('protocol: a client that is cut off takes its session with it', async () => {
  const { protocol, door, port } = await start()
  const { socket, opened } = await client(port, false)
  await opened
  socket.destroy()
  while (protocol.connectionCount > 0) await new Promise((resolve) => setImmediate(resolve))
  expect(door.sessions[0]!.isClosed).toBe(true)
})
