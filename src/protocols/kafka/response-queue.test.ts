import { expect, test } from 'vitest'
import { SocketWriter } from '../../net/socket-writer.ts'
import { ResponseQueue } from './response-queue.ts'
import { MemorySocket, turns } from './test-kit.ts'
import { API } from './wire/schemas/apis.gen.ts'

test('responses: leave in the order of their requests, whichever is ready first', async () => {
  const socket = new MemorySocket()
  const sent: Buffer[] = []
  socket.onBytes = (bytes) => sent.push(bytes)
  const queue = new ResponseQueue(new SocketWriter(socket))
  const places = [1, 2, 3, 4].map((correlationId) => queue.take(API.Heartbeat, 0, correlationId, 10 * correlationId))
  expect([queue.length, queue.requestBytes, queue.holdsOnly(API.Heartbeat), queue.holdsOnly(API.Fetch)]).toEqual([
    4,
    100,
    true,
    false,
  ])
  const ids = async (): Promise<number[]> => {
    await turns(2)
    const bytes = Buffer.concat(sent)
    const found: number[] = []
    for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) found.push(bytes.readInt32BE(at + 4))
    return found
  }
  queue.settle(places[2]!, { errorCode: 0 })
  expect(await ids()).toEqual([])
  queue.settle(places[0]!, { errorCode: 0 })
  expect(await ids()).toEqual([1])
  // A request without a response holds its place all the same.
  queue.settle(places[1]!, undefined)
  expect(await ids()).toEqual([1, 3])
  expect([queue.length, queue.requestBytes]).toEqual([1, 40])
  queue.settle(places[3]!, { errorCode: 0 })
  expect(await ids()).toEqual([1, 3, 4])
})
