import { expect, test } from 'vitest'
import { emptyTable, type FieldTable, long, longstr } from '../../base/field-value.ts'
import { seededRandom } from '../../base/random.ts'
import { exchangeKinds } from './exchange-kinds.ts'
import { TestTable, testMessage } from './test-kit.ts'

const kinds = exchangeKinds(seededRandom(5))

const checkArguments = (type: string, args: FieldTable) => () => kinds.require(type).checkArguments(args, kinds)
const checkBinding = (type: string, key: string, args = emptyTable, exchangeArgs = emptyTable) => {
  return () => kinds.require(type).checkBinding(key, args, exchangeArgs, kinds)
}

/** Which of `queues` each of 3,000 keys goes to. */
function spread(t: TestTable, keyCount = 3000): Map<string, string> {
  return new Map(Array.from({ length: keyCount }, (_, index) => [`key-${index}`, t.route('x', `key-${index}`).join()]))
}

const share = (placed: Map<string, string>, queue: string): number =>
  [...placed.values()].filter((one) => one === queue).length / placed.size

function hashTable(weights: Record<string, string>, args = emptyTable): TestTable {
  const t = new TestTable()
  t.exchange('x', 'x-consistent-hash', args)
  for (const [queue, weight] of Object.entries(weights)) {
    t.queue(queue)
    t.bind('x', queue, weight)
  }
  return t
}

test('exchange kinds: an unknown type is refused by name', () => {
  expect(() => kinds.require('bogus')).toThrow(
    expect.objectContaining({ reason: 'precondition-failed', message: "unknown exchange type 'bogus'" }),
  )
})

test('x-consistent-hash: every message goes to exactly one queue, shares follow the weights', () => {
  const placed = spread(hashTable({ a: '1', b: '1', c: '2' }))
  expect(share(placed, 'a') + share(placed, 'b') + share(placed, 'c')).toBe(1)
  expect(share(placed, 'a')).toBeCloseTo(0.25, 1)
  expect(share(placed, 'b')).toBeCloseTo(0.25, 1)
  expect(share(placed, 'c')).toBeCloseTo(0.5, 1)
})

test('x-consistent-hash: a new queue takes keys only for itself, a removed one gives away only its own', () => {
  const t = hashTable({ a: '10', b: '10', c: '10' })
  const before = spread(t)
  t.queue('d')
  const unbind = t.bind('x', 'd', '10')
  const after = spread(t)
  for (const [key, queue] of after) if (queue !== before.get(key)) expect(queue).toBe('d')
  expect(share(after, 'd')).toBeCloseTo(0.25, 1)
  unbind()
  expect(spread(t)).toEqual(before)
})

test('x-consistent-hash: the order of binding does not matter, so a restart moves no key', () => {
  expect(spread(hashTable({ a: '1', b: '3', c: '2' }))).toEqual(spread(hashTable({ c: '2', a: '1', b: '3' })))
})

test('x-consistent-hash: hashes a header or a property instead of the key when asked', () => {
  const byHeader = hashTable({ a: '1', b: '1', c: '1' }, new Map([['hash-header', longstr('device')]]))
  const byProperty = hashTable({ a: '1', b: '1', c: '1' }, new Map([['hash-property', longstr('message_id')]]))
  const seenByHeader = new Set<string>()
  const seenByProperty = new Set<string>()
  for (let index = 0; index < 50; index++) {
    const headers = new Map([['device', index % 2 ? long(index) : longstr(`device ${index}`)]])
    const message = testMessage(headers, { 'message-id': `m${index}` })
    const [one, other] = [byHeader.route('x', 'k1', message), byHeader.route('x', 'k2', message)]
    expect(one).toEqual(other)
    seenByHeader.add(one.join())
    seenByProperty.add(byProperty.route('x', 'k1', message).join())
  }
  expect(seenByHeader).toEqual(new Set(['a', 'b', 'c']))
  expect(seenByProperty).toEqual(new Set(['a', 'b', 'c']))
  expect(byHeader.route('x', 'k1')).toHaveLength(1)
  expect(byProperty.route('x', 'k1')).toEqual(byProperty.route('x', 'k2'))
})

test('x-consistent-hash: bad weights and arguments are refused', () => {
  expect(checkBinding('x-consistent-hash', 'heavy')).toThrow('The binding key must be an integer: <<"heavy">>')
  expect(checkBinding('x-consistent-hash', '')).toThrow('must be an integer')
  expect(checkBinding('x-consistent-hash', '1.5')).toThrow('must be an integer')
  expect(checkBinding('x-consistent-hash', '0')).toThrow('The binding key must be greater than 0')
  expect(checkBinding('x-consistent-hash', '-3')).toThrow('The binding key must be greater than 0')
  expect(checkBinding('x-consistent-hash', '10001')).toThrow('The binding key must not exceed 10000')
  checkBinding('x-consistent-hash', '10000')()
  const both = new Map([
    ['hash-header', longstr('a')],
    ['hash-property', longstr('timestamp')],
  ])
  expect(checkArguments('x-consistent-hash', both)).toThrow('hash-header and hash-property are mutually exclusive')
  expect(checkArguments('x-consistent-hash', new Map([['hash-property', longstr('app_id')]]))).toThrow(
    'Unsupported property: app_id',
  )
})

test('x-random: one of the bindings, in the end each of them', () => {
  const t = new TestTable(seededRandom(3))
  t.exchange('x', 'x-random')
  expect(t.route('x')).toEqual([])
  t.queue('a', 'b', 'c')
  for (const queue of ['a', 'b', 'c']) t.bind('x', queue)
  const counts = new Map<string, number>()
  for (let index = 0; index < 300; index++) {
    const [queue, ...others] = t.route('x', 'same key')
    expect(others).toEqual([])
    counts.set(queue!, (counts.get(queue!) ?? 0) + 1)
  }
  for (const queue of ['a', 'b', 'c']) expect(counts.get(queue)).toBeGreaterThan(60)
})

test('x-delayed-message: routes as its inner kind, says that it delays, and checks what the inner kind checks', () => {
  const t = new TestTable()
  const asTopic = new Map([['x-delayed-type', longstr('topic')]])
  expect(t.exchange('x', 'x-delayed-message', asTopic).delayed).toBe(true)
  expect(t.exchange('plain', 'topic').delayed).toBe(false)
  t.queue('q')
  t.bind('x', 'q', 'a.#')
  expect(t.route('x', 'a.b')).toEqual(['q'])
  expect(t.route('x', 'b')).toEqual([])
  const asHash = new Map([['x-delayed-type', longstr('x-consistent-hash')]])
  expect(checkBinding('x-delayed-message', 'heavy', emptyTable, asHash)).toThrow('must be an integer')
  const asHeaders = new Map([['x-delayed-type', longstr('headers')]])
  const badMatch = new Map([['x-match', longstr('bogus')]])
  expect(checkBinding('x-delayed-message', '', badMatch, asHeaders)).toThrow('Invalid x-match')
})

test('x-delayed-message: without a usable x-delayed-type it is refused', () => {
  const of = (value: string) => new Map([['x-delayed-type', longstr(value)]])
  const missing = "Invalid argument, 'x-delayed-type' must be an existing exchange type"
  expect(checkArguments('x-delayed-message', emptyTable)).toThrow(missing)
  expect(checkArguments('x-delayed-message', new Map([['x-delayed-type', long(1)]]))).toThrow(missing)
  expect(checkArguments('x-delayed-message', of('bogus'))).toThrow("unknown exchange type 'bogus'")
  expect(checkArguments('x-delayed-message', of('x-delayed-message'))).toThrow(
    "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'",
  )
})
