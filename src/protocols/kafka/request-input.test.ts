import { expect, test } from 'vitest'
import { RequestInput } from './request-input.ts'
import { turns } from './test-kit.ts'

class CountingSocket {
  isPaused = false
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
}

function request(bytes: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes.length)
  return Buffer.concat([size, bytes])
}

test('request input: requests own their bytes, however they arrive', () => {
  const bodies = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(200_000, 7), Buffer.from('four')]
  const bytes = Buffer.concat(bodies.map(request))
  for (const size of [1, 3, 1000, bytes.length]) {
    const input = new RequestInput(new CountingSocket(), 1 << 20)
    const found: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) {
      const chunk = Buffer.from(bytes.subarray(at, at + size))
      input.push(chunk)
      // The socket may use the chunk's memory again.
      chunk.fill(0xee)
      for (let next = input.peek(); next !== undefined; next = input.peek()) {
        found.push(next)
        input.shift()
      }
    }
    expect(found.map((body) => body.toString('latin1'))).toEqual(bodies.map((body) => body.toString('latin1')))
    expect(input.failure).toBeUndefined()
  }
})

test('request input: the socket is left alone when nobody asks, and read again when somebody does', async () => {
  const socket = new CountingSocket()
  const input = new RequestInput(socket, 1 << 20)
  const body = Buffer.alloc(10_000)
  for (let count = 0; count < 7; count++) input.push(request(body))
  await turns(1)
  expect(socket.isPaused).toBe(false)
  input.push(request(body))
  expect(socket.isPaused).toBe(true)
  await turns(1)
  expect(socket.isPaused).toBe(true)
  let count = 0
  while (input.peek() !== undefined) {
    input.shift()
    count++
  }
  await turns(1)
  expect([count, socket.isPaused]).toEqual([8, false])
})

test('request input: nonsense is told when what came before it is taken', () => {
  const socket = new CountingSocket()
  const input = new RequestInput(socket, 100)
  input.push(
    Buffer.concat([request(Buffer.from('good')), request(Buffer.from('also good')), Buffer.from('00000065', 'hex')]),
  )
  expect([String(input.peek()), input.failure]).toEqual(['good', undefined])
  input.shift()
  expect([String(input.peek()), input.failure]).toEqual(['also good', undefined])
  input.shift()
  expect(input.peek()).toBeUndefined()
  expect(input.failure?.message).toMatch(/101 bytes; at most 100/)
  input.push(request(Buffer.from('too late')))
  expect(input.peek()).toBeUndefined()
})
