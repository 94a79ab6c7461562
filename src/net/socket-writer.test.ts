import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { ChunkPool } from './chunk-pool.ts'
import { type OutgoingSocket, SocketWriter } from './socket-writer.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Keeps every write until the test lets the kernel take it. */
class FakeSocket implements OutgoingSocket {
  writes: Buffer[] = []
  log: string[] = []
  #done: ((error?: Error | null) => void)[] = []

  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean {
    this.log.push('write')
    this.writes.push(Buffer.from(bytes))
    if (done) this.#done.push(done)
    return true
  }
  cork(): void {
    this.log.push('cork')
  }
  uncork(): void {
    this.log.push('uncork')
  }
  end(): void {
    this.log.push('end')
  }
  destroy(): void {
    this.log.push('destroy')
  }
  take(error?: Error): void {
    this.#done.shift()!(error)
  }
  get sent(): string {
    return Buffer.concat(this.writes).toString('latin1')
  }
}

function put(writer: SocketWriter, text: string): void {
  const offset = writer.reserve(text.length)
  writer.buffer.write(text, offset, 'latin1')
}

test('socket writer: all that is written in one turn leaves as one write, when the turn ends', async () => {
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket)
  put(writer, 'one ')
  writer.writeBorrowed(Buffer.from('two '))
  writer.writeOwned(Buffer.from('three'))
  expect(socket.writes).toHaveLength(0)
  expect(writer.bufferedBytes).toBe(13)
  await turn()
  expect(socket.log).toEqual(['write'])
  expect(socket.sent).toBe('one two three')
  expect(writer.bufferedBytes).toBe(13)
  socket.take()
  expect(writer.bufferedBytes).toBe(0)
})

test('socket writer: a large owned buffer goes by reference between the bytes around it, corked into one write', () => {
  const socket = new FakeSocket()
  const seen: Uint8Array[] = []
  const write = socket.write.bind(socket)
  socket.write = (bytes, done) => {
    seen.push(bytes)
    return write(bytes, done)
  }
  const writer = new SocketWriter(socket)
  const large = Buffer.alloc(20_000, 'x')
  put(writer, 'head')
  writer.writeOwned(large)
  put(writer, 'tail')
  writer.flush()
  expect(socket.log).toEqual(['cork', 'write', 'write', 'write', 'uncork'])
  expect(seen[1]).toBe(large)
  expect(socket.sent).toBe(`head${'x'.repeat(20_000)}tail`)
})

test('socket writer: while one write is in flight the rest gathers, and leaves in order when the kernel took it', async () => {
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket)
  put(writer, 'a')
  await turn()
  for (const text of ['b', 'c', 'd']) {
    put(writer, text)
    await turn()
  }
  expect(socket.sent).toBe('a')
  socket.take()
  expect(socket.sent).toBe('abcd')
  expect(socket.writes).toHaveLength(2)
})

test('socket writer: congested above the high mark until the low mark, and onDrain comes once', async () => {
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket, { highWaterBytes: 100, lowWaterBytes: 10 })
  let drainCount = 0
  writer.onDrain = () => drainCount++
  put(writer, 'x'.repeat(100))
  expect(writer.congested).toBe(false)
  put(writer, 'x')
  expect(writer.congested).toBe(true)
  await turn()
  put(writer, 'y'.repeat(50))
  socket.take()
  expect(writer.bufferedBytes).toBe(50)
  expect(writer.congested).toBe(true)
  expect(drainCount).toBe(0)
  socket.take()
  expect(drainCount).toBe(1)
  expect(writer.congested).toBe(false)
  put(writer, 'z')
  await turn()
  socket.take()
  expect(drainCount).toBe(1)
})

test('socket writer: a chunk is not used again before the kernel took it, and goes back to the pool then', () => {
  const pool = new ChunkPool(16, 64)
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket, { pool })
  put(writer, 'first')
  const first = writer.buffer
  writer.flush()
  put(writer, 'second')
  expect(writer.buffer).not.toBe(first)
  expect(pool.freeCount).toBe(0)
  socket.take()
  expect(pool.freeCount).toBe(1)
  expect(pool.take(1)).toBe(first)
})

test('socket writer: reservations of every size keep their order over many chunks', () => {
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket, { pool: new ChunkPool(16, 64) })
  let expected = ''
  for (let size = 1; size < 200; size++) {
    const text = String.fromCharCode(33 + (size % 90)).repeat(size)
    put(writer, text)
    expected += text
  }
  writer.flush()
  expect(socket.sent).toBe(expected)
})

test('socket writer: end sends what is written first, also behind a write in flight, and drops what comes later', () => {
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket)
  put(writer, 'a')
  writer.flush()
  put(writer, 'b')
  writer.end()
  put(writer, 'late')
  writer.writeOwned(Buffer.alloc(20_000))
  writer.flush()
  expect(socket.log).toEqual(['write'])
  socket.take()
  put(writer, 'later')
  writer.flush()
  expect(socket.sent).toBe('ab')
  expect(socket.log.at(-1)).toBe('end')
})

test('socket writer: after destroy or a failed write nothing is sent, nothing drains, and failed memory is not reused', () => {
  const pool = new ChunkPool(16, 64)
  const socket = new FakeSocket()
  const writer = new SocketWriter(socket, { pool, highWaterBytes: 4 })
  writer.onDrain = () => expect.unreachable()
  put(writer, 'abcdef')
  expect(writer.congested).toBe(true)
  writer.flush()
  socket.take(new Error('reset'))
  expect(pool.freeCount).toBe(0)
  put(writer, 'more')
  writer.flush()
  writer.destroy()
  expect(socket.sent).toBe('abcdef')

  const other = new FakeSocket()
  const destroyed = new SocketWriter(other)
  put(destroyed, 'never')
  destroyed.destroy()
  put(destroyed, 'sent')
  destroyed.flush()
  expect(other.log).toEqual(['destroy'])
})

test('socket writer: over a real socket a reader that stops makes it congested, and gets every byte in order', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [reader] = await accepted
  const writer = new SocketWriter(client)
  const expected: Buffer[] = []
  const fill = (): void => {
    for (let index = 0; !writer.congested; index++) {
      const bytes = Buffer.alloc(1 + ((index * 7919) % 40_000), index)
      expected.push(bytes)
      writer.writeOwned(bytes)
    }
  }
  // The kernel takes some megabytes before it is full: fill until a turn of the loop no longer empties the writer.
  let drainCount = 0
  writer.onDrain = () => {
    drainCount++
    if (drainCount < 200) fill()
    else writer.end()
  }
  fill()
  for (let idle = 0; idle < 20; ) {
    const before = drainCount
    await turn()
    idle = before === drainCount ? idle + 1 : 0
  }
  expect(writer.congested).toBe(true)
  const received: Buffer[] = []
  reader.on('data', (chunk: Buffer) => received.push(chunk))
  reader.resume()
  await once(reader, 'end')
  expect(Buffer.concat(received).equals(Buffer.concat(expected))).toBe(true)
  client.destroy()
  reader.destroy()
  server.close()
})
