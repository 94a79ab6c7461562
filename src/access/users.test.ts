import { expect, test } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { defaultUsers, isLoopback, Users } from './users.ts'

test('users: guest connects from this machine and from nowhere else', () => {
  const users = defaultUsers(seededRandom(1))
  for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
    expect(users.verify('guest', 'guest', address)?.name).toBe('guest')
  }
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', '128.0.0.1', '127.evil.example', undefined]) {
    expect(users.verify('guest', 'guest', address)).toBeUndefined()
  }
})

test('users: a wrong password, an unknown name and a removed user are refused', () => {
  const users = new Users(seededRandom(2))
  users.set({ name: 'ann', loopbackOnly: false }, 'secret')
  expect(users.verify('ann', 'secret', '10.0.0.1')).toEqual({ name: 'ann', loopbackOnly: false })
  expect(users.verify('ann', 'Secret', '10.0.0.1')).toBeUndefined()
  expect(users.verify('ann', '', '10.0.0.1')).toBeUndefined()
  expect(users.verify('bob', 'secret', '10.0.0.1')).toBeUndefined()
  users.set({ name: 'ann', loopbackOnly: false }, 'other')
  expect(users.verify('ann', 'secret', '10.0.0.1')).toBeUndefined()
  expect(users.remove('ann')).toBe(true)
  expect(users.remove('ann')).toBe(false)
  expect(users.verify('ann', 'other', '10.0.0.1')).toBeUndefined()
})

test('users: a hash as RabbitMQ exports it is understood', () => {
  // The worked example of RabbitMQ's documentation: salt 908DC60A, password test12.
  const users = new Users(seededRandom(3))
  users.setHash({ name: 'ann', loopbackOnly: false }, 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR')
  expect(users.verify('ann', 'test12', undefined)?.name).toBe('ann')
  expect(users.verify('ann', 'test13', undefined)).toBeUndefined()
  expect(() => users.setHash({ name: 'bob', loopbackOnly: false }, 'AAAA')).toThrow(RangeError)
})

test('users: what counts as this machine', () => {
  expect(isLoopback('::FFFF:127.0.0.1')).toBe(true)
  expect(isLoopback('0.0.0.0')).toBe(false)
})
