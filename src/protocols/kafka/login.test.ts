import { expect, test } from 'vitest'
import { Users } from '../../access/users.ts'
import { IdleDoor, Stage, turns } from './test-kit.ts'
import { API } from './wire/schemas/apis.gen.ts'

function users(): Users {
  const known = new Users()
  known.set({ name: 'ann', loopbackOnly: false }, 'secret')
  return known
}

const token = (text: string): Buffer => Buffer.from(text)

test('login: PLAIN over SaslAuthenticate gives the connection to its user, in every version', async () => {
  for (let version = 0; version <= 2; version++) {
    const door = new IdleDoor()
    const client = new Stage({ door, users: users() }).connect()
    expect(await client.ask(API.SaslHandshake, 1, { mechanism: 'PLAIN' })).toEqual({
      errorCode: 0,
      mechanisms: ['PLAIN'],
    })
    const answer = await client.ask(API.SaslAuthenticate, version, { authBytes: token('\0ann\0secret') })
    expect([answer.errorCode, answer.errorMessage]).toEqual([0, null])
    expect(door.sessions.map(({ user, isClosed }) => [user, isClosed])).toEqual([
      ['guest', true],
      ['ann', false],
    ])
    expect((await client.ask(API.ApiVersions, 0, {})).errorCode).toBe(0)
  }
})

test('login: a wrong password, an unknown user and a token that is none are told alike, and end the connection', async () => {
  for (const text of ['\0ann\0wrong', '\0bob\0secret', 'ann', '\0ann\0a\0b', 'bob\0ann\0secret', '']) {
    const client = new Stage({ users: users() }).connect()
    await client.ask(API.SaslHandshake, 1, { mechanism: 'PLAIN' })
    const answer = await client.ask(API.SaslAuthenticate, 2, { authBytes: token(text) })
    expect([text, answer.errorCode, answer.errorMessage]).toEqual([text, 58, 'wrong user name or password'])
    await turns()
    expect(client.isClosed).toBe(true)
  }
})

test('login: another mechanism, and requests at the wrong moment', async () => {
  const client = new Stage({ users: users() }).connect()
  expect((await client.ask(API.SaslHandshake, 1, { mechanism: 'SCRAM-SHA-256' })).errorCode).toBe(33)
  expect((await client.ask(API.SaslAuthenticate, 2, { authBytes: token('\0ann\0secret') })).errorCode).toBe(34)
  expect((await client.ask(API.SaslHandshake, 1, { mechanism: 'PLAIN' })).errorCode).toBe(0)
  expect((await client.ask(API.SaslHandshake, 1, { mechanism: 'PLAIN' })).errorCode).toBe(34)
})

test('login: old clients send the bare token in a frame of its own', async () => {
  const bare = (text: string): Buffer => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(text.length)
    return Buffer.concat([size, token(text)])
  }
  const door = new IdleDoor()
  const client = new Stage({ door, users: users() }).connect()
  await client.ask(API.SaslHandshake, 0, { mechanism: 'PLAIN' })
  client.raw(bare('\0ann\0secret'))
  expect((await client.next()).length).toBe(0)
  expect(door.sessions[1]!.user).toBe('ann')
  expect((await client.ask(API.ApiVersions, 0, {})).errorCode).toBe(0)
  const stage = new Stage({ users: users() })
  const wrong = stage.connect()
  await wrong.ask(API.SaslHandshake, 0, { mechanism: 'PLAIN' })
  wrong.raw(bare('\0ann\0wrong'))
  await turns()
  expect([wrong.isClosed, wrong.received.length, stage.warnings.length]).toEqual([true, 0, 1])
})
