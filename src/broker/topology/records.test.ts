import { expect, test } from 'vitest'
import { emptyTable, longstr } from '../../base/field-value.ts'
import { seededRandom } from '../../base/random.ts'
import {
  bindingFromText,
  bindingId,
  bindingKey,
  bindingToText,
  escaped,
  exchangeFromText,
  exchangeToText,
  queueFromText,
  queueKey,
  queuePrefix,
  queueToText,
  unescaped,
} from './records.ts'
import { exchangeSpec, tableOf } from './test-kit.ts'

test('records: any name survives the key, two names never share one, and only plain characters are used', () => {
  const random = seededRandom(4)
  const alphabet = ['a', 'Z', '9', '-', '_', '/', '=', '.', '%', ' ', 'ü', '😀', '\u0000', '*', '#']
  const seen = new Map<string, string>()
  for (let index = 0; index < 3000; index++) {
    const name = Array.from({ length: random.below(6) }, () => alphabet[random.below(alphabet.length)]!).join('')
    const text = escaped(name)
    expect(text).toMatch(/^[\w=-]*$/)
    expect(unescaped(text)).toBe(name)
    expect(seen.get(text) ?? name).toBe(name)
    seen.set(text, name)
  }
})

test('records: no vhost reaches into another by its name', () => {
  expect(queueKey('a/b', 'c').startsWith(queuePrefix('a'))).toBe(false)
  expect(queueKey('a', 'b/c').startsWith(queuePrefix('a/b'))).toBe(false)
  expect(queueKey('ab', 'c').startsWith(queuePrefix('a'))).toBe(false)
  expect(queueKey('', '/').startsWith(queuePrefix('/'))).toBe(false)
  expect(queueKey('/', 'q')).toBe('queue/=2f/q')
})

test('records: what is no escaped name is told as damage', () => {
  for (const text of ['a b', '=4', '=zz', '=41', 'a/b', '=ff']) {
    expect(() => unescaped(text), text).toThrow(expect.objectContaining({ code: 'damaged' }))
  }
})

test('records: bindings differ by kind, destination, key and arguments, not by the order of arguments', () => {
  const a = longstr('1')
  const ids = [
    bindingId('queue', 'q', 'k', emptyTable),
    bindingId('exchange', 'q', 'k', emptyTable),
    bindingId('queue', 'q/k', '', emptyTable),
    bindingId('queue', 'q', 'k/', emptyTable),
    bindingId('queue', 'q', 'k', tableOf({ a })),
    bindingId('queue', 'q', 'k', tableOf({ a, b: a })),
  ]
  expect(new Set(ids).size).toBe(ids.length)
  expect(bindingId('queue', 'q', 'k', tableOf({ b: a, a }))).toBe(ids.at(-1))
  expect(bindingKey('/', 'x', ids[0]!)).toBe('binding/=2f/x/queue/q/k/')
})

test('records: exchanges, queues and bindings come back as they were', () => {
  const args = tableOf({ 'alternate-exchange': longstr('ae') })
  const exchange = {
    ...exchangeSpec('x', { type: 'topic', durable: true, autoDelete: true, arguments: args }),
    vhost: '/',
  }
  expect(exchangeFromText('/', 'x', exchangeToText(exchange))).toEqual(exchange)
  const queue = { id: 77, autoDelete: true, arguments: args }
  expect(queueFromText(queueToText(queue))).toEqual(queue)
  const binding = { source: 's', kind: 'exchange' as const, destination: 'd', routingKey: 'k', arguments: args }
  expect(bindingFromText(bindingToText(binding))).toEqual(binding)
})

test('records: a record that is not whole is told as damage', () => {
  const reads = [(text: string) => exchangeFromText('/', 'x', text), queueFromText, bindingFromText]
  for (const text of ['', '[', 'null', '5', '{}', '{"id":1.5,"type":"direct","source":"s","kind":"planet"}']) {
    for (const read of reads) expect(() => read(text), text).toThrow(expect.objectContaining({ code: 'damaged' }))
  }
})
