import { expect, test } from 'vitest'
import { longstr } from '../../base/field-value.ts'
import { seededRandom } from '../../base/random.ts'
import { REMEMBERED_ROUTES_MAX } from './router.ts'
import { plainMessage, TestTable, testMessage } from './test-kit.ts'

const alternate = (name: string) => new Map([['alternate-exchange', longstr(name)]])

test('router: the default exchange finds a queue by its name, also one that came later', () => {
  const t = new TestTable()
  expect(t.route('', 'q')).toEqual([])
  t.queue('q')
  expect(t.route('', 'q')).toEqual(['q'])
  t.table.removeQueue(t.table.queues.get('q')!)
  expect(t.route('', 'q')).toEqual([])
})

test('router: direct matches the key, fanout everything, and a queue with many matching bindings comes once', () => {
  const t = new TestTable()
  t.queue('a', 'b')
  t.exchange('d', 'direct')
  t.exchange('f', 'fanout')
  t.exchange('t', 'topic')
  t.bind('d', 'a', 'k')
  t.bind('d', 'b', 'k')
  t.bind('d', 'b', 'other')
  t.bind('f', 'a', 'x')
  t.bind('f', 'a', 'y')
  for (const key of ['x.#', '#', 'x.*', '*.y']) t.bind('t', 'a', key)
  expect(t.route('d', 'k')).toEqual(['a', 'b'])
  expect(t.route('d', 'none')).toEqual([])
  expect(t.route('f', 'anything')).toEqual(['a'])
  expect(t.route('t', 'x.y')).toEqual(['a'])
})

test('router: exchanges bound in a circle are walked once each, and each queue comes once', () => {
  const t = new TestTable()
  t.queue('q1', 'q2')
  for (const name of ['a', 'b', 'c']) t.exchange(name, 'fanout')
  t.bind('a', 'b')
  t.bind('b', 'c')
  t.bind('c', 'a')
  t.bind('a', 'a')
  t.bind('a', 'q1')
  t.bind('c', 'q1')
  t.bind('c', 'q2')
  for (const start of ['a', 'b', 'c']) expect(t.route(start)).toEqual(['q1', 'q2'])
})

test('router: what an exchange does not match goes to its alternate, along a chain and around a circle', () => {
  const t = new TestTable()
  t.queue('q', 'rest')
  t.exchange('first', 'direct', alternate('second'))
  t.exchange('second', 'direct', alternate('third'))
  t.bind('first', 'q', 'k')
  expect(t.route('first', 'lost')).toEqual([])
  t.exchange('third', 'fanout', alternate('first'))
  expect(t.route('first', 'lost')).toEqual([])
  t.bind('third', 'rest')
  expect(t.route('first', 'lost')).toEqual(['rest'])
  expect(t.route('first', 'k')).toEqual(['q'])
})

test('router: an alternate that is made later is found, and may lead on at once', () => {
  const t = new TestTable()
  t.queue('q')
  t.exchange('x', 'direct', alternate('later'))
  t.exchange('end', 'fanout')
  t.bind('end', 'q')
  expect(t.route('x', 'k')).toEqual([])
  const later = t.exchange('later', 'direct', alternate('end'))
  expect(t.route('x', 'k')).toEqual(['q'])
  t.table.removeExchange(later)
  expect(t.route('x', 'k')).toEqual([])
})

test('router: a match that leads nowhere is still a match, and the alternate of an exchange behind a binding counts', () => {
  const t = new TestTable()
  t.queue('rest', 'inner')
  t.exchange('alt', 'fanout')
  t.bind('alt', 'rest')
  t.exchange('x', 'direct', alternate('alt'))
  t.exchange('empty', 'fanout')
  t.bind('x', 'empty', 'k')
  expect(t.route('x', 'k')).toEqual([])
  t.exchange('alt2', 'fanout')
  t.bind('alt2', 'inner')
  t.exchange('behind', 'direct', alternate('alt2'))
  t.bind('x', 'behind', 'k2')
  expect(t.route('x', 'k2')).toEqual(['inner'])
})

test('router: the default exchange as alternate sees queues made after the first miss', () => {
  const t = new TestTable()
  t.exchange('x', 'direct', alternate(''))
  expect(t.route('x', 'q')).toEqual([])
  t.queue('q')
  expect(t.route('x', 'q')).toEqual(['q'])
})

test('router: further keys add their queues, each once; the alternate comes in only if no key matched', () => {
  const t = new TestTable()
  t.queue('a', 'b', 'rest')
  t.exchange('alt', 'fanout')
  t.bind('alt', 'rest')
  t.exchange('d', 'direct', alternate('alt'))
  t.bind('d', 'a', 'ka')
  t.bind('d', 'b', 'kb')
  t.bind('d', 'a', 'kb')
  expect(t.route('d', 'ka', plainMessage, ['kb', 'ka', 'none'])).toEqual(['a', 'b'])
  expect(t.route('d', 'none', plainMessage, ['kb'])).toEqual(['a', 'b'])
  expect(t.route('d', 'none', plainMessage, ['no'])).toEqual(['rest'])
  expect(t.route('d', 'ka')).toEqual(['a'])
  expect(t.route('', 'a', plainMessage, ['b', 'a', 'none'])).toEqual(['a', 'b'])
  expect(t.route('', 'a', plainMessage, [])).toEqual(['a'])
})

test('router: headers are looked at anew for every message', () => {
  const t = new TestTable()
  t.queue('red', 'blue')
  t.exchange('h', 'headers')
  t.exchange('before', 'fanout')
  t.bind('before', 'h')
  t.bind('h', 'red', '', new Map([['colour', longstr('red')]]))
  t.bind(
    'h',
    'blue',
    '',
    new Map([
      ['colour', longstr('blue')],
      ['x-match', longstr('any')],
    ]),
  )
  for (const exchange of ['h', 'before']) {
    expect(t.route(exchange, '', testMessage(new Map([['colour', longstr('red')]])))).toEqual(['red'])
    expect(t.route(exchange, '', testMessage(new Map([['colour', longstr('blue')]])))).toEqual(['blue'])
    expect(t.route(exchange, '')).toEqual([])
  }
})

test('router: an answer that was handed out stays as it was when the bindings change', () => {
  const t = new TestTable()
  t.queue('a', 'b')
  const exchange = t.exchange('f', 'fanout')
  t.bind('f', 'a')
  t.bind('f', 'b')
  const answer = t.table.route(exchange, 'k', undefined, plainMessage)
  expect(t.table.route(exchange, 'k', undefined, plainMessage)).toBe(answer)
  t.table.removeQueue(t.table.queues.get('a')!)
  expect([...answer]).toEqual(['a', 'b'])
  expect(t.route('f', 'k')).toEqual(['b'])
})

test('router: keys that never repeat do not fill memory', () => {
  const t = new TestTable()
  t.queue('q')
  const a = t.exchange('a', 'topic')
  const b = t.exchange('b', 'fanout')
  t.bind('a', 'q', '#')
  t.bind('b', 'q')
  for (let index = 0; index < REMEMBERED_ROUTES_MAX + 10; index++) {
    t.table.route(index % 2 ? a : b, `key ${index}`, undefined, plainMessage)
    if (index % 1000 === 0) expect(a.routes.size + b.routes.size).toBeLessThanOrEqual(REMEMBERED_ROUTES_MAX)
  }
  expect(a.routes.size + b.routes.size).toBe(10)
  expect(t.route('a', 'key 1')).toEqual(['q'])
})

/** Makes the same random changes to any number of tables. */
function* randomChanges(seed: number, tables: readonly TestTable[]): Generator<{ exchange: string; key: string }> {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T | undefined => from[random.below(from.length)]
  const words = ['a', 'b', '*', '#']
  const key = (): string => Array.from({ length: random.below(3) }, () => pick(words)!).join('.')
  const exchanges = ['x0', 'x1', 'x2', 'x3', 'x4']
  const types = ['direct', 'fanout', 'topic', 'topic', 'x-consistent-hash']
  const bound = new Map<string, (() => void)[]>()
  for (let step = 0; step < 3000; step++) {
    const name = pick(exchanges)!
    const queue = `q${random.below(6)}`
    const choice = random.below(12)
    const type = pick(types)!
    const args = random.below(2) === 0 ? alternate(pick([...exchanges, ''])!) : new Map()
    const first = tables[0]!.table
    if (choice === 0 && !first.exchanges.has(name)) for (const t of tables) t.exchange(name, type, args)
    else if (choice === 1 && first.exchanges.has(name) && random.below(3) === 0) {
      for (const t of tables) t.table.removeExchange(t.table.exchanges.get(name)!)
    } else if (choice === 2 && !first.queues.has(queue)) for (const t of tables) t.queue(queue)
    else if (choice === 3 && first.queues.has(queue) && random.below(2) === 0) {
      for (const t of tables) t.table.removeQueue(t.table.queues.get(queue)!)
    } else if (choice < 7 && first.exchanges.has(name)) {
      const isHash = first.exchanges.get(name)!.definition.type === 'x-consistent-hash'
      const routingKey = isHash ? String(1 + random.below(3)) : key()
      const to = random.below(3) === 0 ? pick(exchanges)! : queue
      const destination = first.queues.get(to) ?? first.exchanges.get(to)
      const id = `${name}>${to}/${routingKey}`
      const isBound = first.exchanges.get(name)!.outbound.has(`${destination?.kind}/${to}/${routingKey}/`)
      if (destination !== undefined && !isBound)
        bound.set(
          id,
          tables.map((t) => t.bind(name, to, routingKey)),
        )
    } else if (choice === 7 && bound.size > 0) {
      const id = pick([...bound.keys()])!
      for (const unbind of bound.get(id)!) unbind()
      bound.delete(id)
    } else if (first.exchanges.has(name)) yield { exchange: name, key: key().replaceAll('*', 'a').replaceAll('#', 'b') }
  }
}

test('router: a remembered answer is the fresh one, through random changes of the topology', () => {
  for (const seed of [1, 2, 3]) {
    const remembering = new TestTable()
    const fresh = new TestTable()
    let routed = 0
    let reused = 0
    for (const { exchange, key } of randomChanges(seed, [remembering, fresh])) {
      for (const one of fresh.table.exchanges.values()) one.routes.clear()
      const at = remembering.table.exchanges.get(exchange)!
      if (at.routes.has(key)) reused++
      const expected = fresh.route(exchange, key)
      expect(remembering.route(exchange, key), `${exchange} ${key}`).toEqual(expected)
      routed += expected.length
    }
    expect(routed).toBeGreaterThan(100)
    expect(reused).toBeGreaterThan(20)
  }
})
