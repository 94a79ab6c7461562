import { expect, test } from 'vitest'
import type { PeerSocket } from '../../net/peer-socket.ts'
import { advertisedOf, dialledAddress, parseAdvertised } from './advertised.ts'

const dialled = (socket: Partial<PeerSocket>) => dialledAddress(socket as PeerSocket, 9092)

test('advertised: a client is told the very address it came in by', () => {
  expect(dialled({ localAddress: '127.0.0.1', localPort: 19092 })).toEqual({ host: '127.0.0.1', port: 19092 })
  expect(dialled({ localAddress: '::1', localPort: 9092 })).toEqual({ host: '::1', port: 9092 })
  expect(dialled({ localAddress: '::ffff:172.17.0.2', localPort: 9092 })).toEqual({ host: '172.17.0.2', port: 9092 })
  expect(dialled({ localAddress: 'fd00::5', localPort: 1 })).toEqual({ host: 'fd00::5', port: 1 })
})

test('advertised: with TLS the name that the client asked for', () => {
  const here = { localAddress: '10.0.0.5', localPort: 9093 }
  expect(dialled({ ...here, servername: 'broker.example' })).toEqual({ host: 'broker.example', port: 9093 })
  expect(dialled({ ...here, servername: false })).toEqual({ host: '10.0.0.5', port: 9093 })
})

test('advertised: a socket that is gone already has no address, and still gets an answer', () => {
  expect(dialled({})).toEqual({ host: 'localhost', port: 9092 })
})

test('advertised: what the listener says, or what is wrong with it', () => {
  expect(advertisedOf(new URL('kafka://0.0.0.0:9092'))).toBeUndefined()
  const of = (text: string) => advertisedOf(new URL(`kafka://0.0.0.0:9092?advertise=${encodeURIComponent(text)}`))
  expect(of('broker.example:9092')).toEqual({ host: 'broker.example', port: 9092 })
  expect(of('[fd00::5]:19092')).toEqual({ host: 'fd00::5', port: 19092 })
  for (const text of ['', 'broker', 'broker:', ':9092', 'broker:0', 'broker:65536', 'a b:1', 'fd00::5:1', 'x/y:1']) {
    expect(() => parseAdvertised(text)).toThrow('advertise is host:port')
  }
})
