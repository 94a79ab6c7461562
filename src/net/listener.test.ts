import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { NetError } from '../base/errors.ts'
import { type Listener, type ListenOptions, listen } from './listener.ts'
import { readTlsSettings } from './tls.ts'

const open = (options: Partial<ListenOptions> = {}): Promise<Listener> =>
  listen({
    url: new URL('amqp://127.0.0.1:0'),
    defaultPort: 1,
    limit: { max: 100, count: 0 },
    onConnection: (socket) => socket.on('error', () => {}),
    ...options,
  })

const dial = (listener: Listener, host = '127.0.0.1'): Socket => {
  const socket = connect(listener.port, host)
  socket.on('error', () => {})
  return socket
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

test('listener: port 0 picks a free port and the endpoint names it', async () => {
  const listener = await open()
  expect(listener.port).toBeGreaterThan(0)
  expect(listener.endpoint).toBe(`amqp://127.0.0.1:${listener.port}`)
  await listener.close()
})

test('listener: localhost is both loopbacks on one port, as far as the machine has them', async () => {
  const listener = await open({ url: new URL('amqp://localhost:0') })
  expect(listener.endpoint).toBe(`amqp://localhost:${listener.port}`)
  const here = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const loopbacks = ['127.0.0.1', '::1'].filter((loopback) => here.some(({ address }) => address === loopback))
  for (const loopback of loopbacks) await once(dial(listener, loopback), 'connect')
  await listener.close()
  const again = await open({ url: new URL(listener.endpoint) })
  await expect(open({ url: new URL(again.endpoint) })).rejects.toThrow(`port ${again.port} is taken`)
  await again.close()
})

test('listener: a taken port is one clear line that names the port', async () => {
  const first = await open()
  const second = open({ url: new URL(first.endpoint) })
  await expect(second).rejects.toThrow(NetError)
  await expect(second).rejects.toThrow(`cannot listen on ${first.endpoint}: port ${first.port} is taken`)
  await first.close()
})

test('listener: an address of another machine is refused with its name', async () => {
  await expect(open({ url: new URL('amqp://192.0.2.1:0') })).rejects.toThrow(
    '192.0.2.1 is not an address of this machine',
  )
})

test('listener: IPv6 loopback is written as one would paste it', async () => {
  const opened = open({ url: new URL('amqp://[::1]:0') })
  const here = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  if (!here.some(({ address }) => address === '::1')) {
    // A container without IPv6: then the refusal must say so.
    return expect(opened).rejects.toThrow('is not an address of this machine')
  }
  const listener = await opened
  expect(listener.endpoint).toBe(`amqp://[::1]:${listener.port}`)
  const socket = dial(listener, '::1')
  await once(socket, 'connect')
  await listener.close()
})

test('listener: the limit counts over listeners, turns away above it, and frees a place when one leaves', async () => {
  const limit = { max: 2, count: 0 }
  let refusedCount = 0
  const accepted: Socket[] = []
  const options = {
    limit,
    onConnection: (socket: Socket) => {
      accepted.push(socket)
      socket.on('error', () => {}).resume()
    },
    onRefused: () => refusedCount++,
  }
  const [a, b] = [await open(options), await open(options)]
  const first = dial(a)
  await once(first, 'connect')
  const second = dial(b)
  await once(second, 'connect')
  const third = dial(b)
  await closed(third)
  expect(refusedCount).toBe(1)
  expect(limit.count).toBe(2)
  const left = once(accepted[0]!, 'close')
  first.end()
  await left
  expect(limit.count).toBe(1)
  await Promise.all([a.close(), b.close()])
  expect(limit.count).toBe(0)
})

test('listener: stopAccepting refuses new connections and keeps open ones; close cuts them', async () => {
  const listener = await open({ onConnection: (socket) => socket.on('error', () => {}).pipe(socket) })
  const kept = dial(listener)
  await once(kept, 'connect')
  kept.write('a')
  await once(kept, 'data')
  listener.stopAccepting()
  const late = dial(listener)
  await closed(late)
  expect(late.errored).toMatchObject({ code: 'ECONNREFUSED' })
  kept.write('b')
  expect(String((await once(kept, 'data'))[0])).toBe('b')
  const cut = once(kept, 'close')
  await listener.close()
  await cut
  expect(listener.connectionCount).toBe(0)
})

test('tls: a certificate and key from the URL serve TLS; what is missing or wrong is named', async () => {
  const folder = fileURLToPath(new URL('../../test/support/tls', import.meta.url))
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`]
  const url = new URL(`amqps://127.0.0.1:0?cert=${cert}&key=${key}`)
  const listener = await open({
    url,
    tls: readTlsSettings(url),
    onConnection: (socket) => socket.on('error', () => {}).end('hello'),
  })
  const client = connectTls({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false })
  expect(String((await once(client, 'data'))[0])).toBe('hello')
  client.destroy()
  expect(listener.endpoint).toBe(`amqps://127.0.0.1:${listener.port}`)
  await listener.close()

  const told = (query: string): string => {
    try {
      readTlsSettings(new URL(`amqps://127.0.0.1:0?${query}`))
      return ''
    } catch (error) {
      return (error as NetError).message
    }
  }
  expect(told(`cert=${cert}`)).toContain('key is missing')
  expect(told(`cert=${cert}&key=${folder}/none.pem`)).toContain('none.pem')
  expect(told(`cert=${cert}&key=${cert}`)).toContain('do not work')
  expect(told(`cert=${cert}&key=${key}&verify=peer`)).toContain('ca=FILE')
  expect(told(`certs=${cert}`)).toContain('unknown parameter "certs"')
})
