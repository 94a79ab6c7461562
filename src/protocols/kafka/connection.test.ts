import { expect, test } from 'vitest'
import { IdleDoor, Stage, turns } from './test-kit.ts'
import { API } from './wire/schemas/apis.gen.ts'

const SOFTWARE = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

function sizes(bytes: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes.length)
  return Buffer.concat([size, bytes])
}

test('connection: requests that arrive in pieces and together are answered in their order', async () => {
  const stage = new Stage()
  const client = stage.connect()
  const chunks: Buffer[] = []
  const { push } = client.socket
  client.socket.push = (chunk: Buffer): boolean => {
    chunks.push(chunk)
    return true
  }
  const ids = [0, 1, 2, 3, 4].map((version) => client.send(API.ApiVersions, version, version < 3 ? {} : SOFTWARE))
  client.socket.push = push
  const bytes = Buffer.concat(chunks)
  for (const at of [0, 1, 2, 3, 5, 30, 31]) client.raw(bytes.subarray(at, at === 31 ? undefined : nextOf(at)))
  for (let version = 0; version <= 4; version++) {
    const response = await client.receive(API.ApiVersions, version, ids[version]!)
    expect(response.errorCode).toBe(0)
    expect(response.apiKeys).toContainEqual({ apiKey: API.ApiVersions, minVersion: 0, maxVersion: 4 })
  }
  await client.quiet()
})

function nextOf(at: number): number {
  return [1, 2, 3, 5, 30, 31].find((end) => end > at)!
}

test('connection: a newer ApiVersions than ours is answered in version 0 with the version to ask for', async () => {
  const stage = new Stage()
  const client = stage.connect()
  // Key 18, version 9, correlation id 7, and a body nobody can read.
  client.raw(sizes(Buffer.from('0012000900000007ffffffffff', 'hex')))
  const answer = await client.next()
  expect(answer.toString('hex')).toBe('00000007' + '0023' + '00000001' + '0012' + '0000' + '0004')
  expect(client.isClosed).toBe(false)
  expect((await client.ask(API.ApiVersions, 4, SOFTWARE)).errorCode).toBe(0)
})

test('connection: an ApiVersions request whose software has an impossible name is told so', async () => {
  const client = new Stage().connect()
  const response = await client.ask(API.ApiVersions, 3, { clientSoftwareName: 'a b', clientSoftwareVersion: '' })
  expect(response).toMatchObject({ errorCode: 42, apiKeys: [] })
})

test('connection: what is not served, or makes no sense, ends the connection with a line in the log', async () => {
  const malformed: Record<string, Buffer> = {
    'an API nobody knows': sizes(Buffer.from('03e7000000000001ffff', 'hex')),
    'an API that is not served': sizes(Buffer.from('0004000000000001ffff', 'hex')),
    'a version of Produce that is gone': sizes(Buffer.from('0000000200000001ffff', 'hex')),
    'a request without a header': sizes(Buffer.from('0012', 'hex')),
    'an empty request': sizes(Buffer.alloc(0)),
    'a negative size': Buffer.from('ffffffff', 'hex'),
    'a size above the limit': Buffer.from('7fffffff', 'hex'),
    'a body that ends too soon': sizes(Buffer.from('0012000300000001ffff00', 'hex')),
    'another protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  }
  for (const [what, bytes] of Object.entries(malformed)) {
    const stage = new Stage()
    const client = stage.connect()
    client.raw(bytes)
    await turns()
    expect([what, client.isClosed, stage.warnings.length, stage.errors]).toEqual([what, true, 1, []])
    client.hangUp()
    await turns()
    expect([what, stage.goneCount, stage.clock.pendingTimerCount]).toEqual([what, 1, 0])
  }
})

test('connection: what came whole before some nonsense is answered before the end', async () => {
  const stage = new Stage()
  const client = stage.connect()
  const id = client.send(API.ApiVersions, 0, {})
  client.raw(Buffer.from('ffffffff', 'hex'))
  await client.receive(API.ApiVersions, 0, id)
  await turns()
  expect(client.isClosed).toBe(true)
})

test('connection: a peer that says nothing is dropped, one that has asked something may idle', async () => {
  const stage = new Stage()
  const [silent, idle] = [stage.connect(), stage.connect()]
  await idle.ask(API.ApiVersions, 0, {})
  stage.clock.advance(24 * 3600 * 1000)
  await turns()
  expect([silent.isClosed, idle.isClosed, stage.goneCount]).toEqual([true, false, 1])
})

test('connection: the session ends with the connection, and the server is told once', async () => {
  const door = new IdleDoor()
  const stage = new Stage({ door })
  const client = stage.connect()
  await client.ask(API.ApiVersions, 0, {})
  client.hangUp()
  await turns()
  expect([door.sessions[0]!.isClosed, stage.goneCount, stage.clock.pendingTimerCount]).toEqual([true, 1, 0])
})

test('connection: a peer that does not read is not worked for, and is given up in the end', async () => {
  const stage = new Stage()
  const client = stage.connect()
  client.socket.stall()
  for (let count = 0; count < 20_000; count++) client.send(API.ApiVersions, 0, {})
  await turns(50)
  expect(client.socket.pauseCount).toBeGreaterThan(0)
  client.socket.unstall()
  await turns(200)
  expect(client.received.length).toBe(20_000)
  client.socket.stall()
  for (let count = 0; count < 20_000; count++) client.send(API.ApiVersions, 0, {})
  await turns(50)
  expect(stage.goneCount).toBe(0)
  stage.clock.advance(2 * stage.settings.stallTimeoutMs)
  await turns()
  expect(stage.goneCount).toBe(1)
})
