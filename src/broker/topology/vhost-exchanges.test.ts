import { expect, test } from 'vitest'
import { long, longstr } from '../../base/field-value.ts'
import {
  bindingSpec,
  exchangeNames,
  exchangeSpec,
  openVhost,
  queueSpec,
  refusal,
  tableOf,
  testSession,
} from './test-kit.ts'

const anyone = testSession()

test('exchanges: every vhost has the system ones, and they may be declared again as they are', async () => {
  const { vhost } = await openVhost()
  const there = [...vhost.exchanges()].map(({ name, definition: d }) => [name, d.type, d.durable, d.internal])
  expect(there.sort()).toEqual([
    ['', 'direct', true, false],
    ['amq.direct', 'direct', true, false],
    ['amq.fanout', 'fanout', true, false],
    ['amq.headers', 'headers', true, false],
    ['amq.match', 'headers', true, false],
    ['amq.rabbitmq.trace', 'topic', true, true],
    ['amq.topic', 'topic', true, false],
  ])
  await vhost.declareExchange(exchangeSpec('amq.direct', { durable: true }))
  expect(await refusal(() => vhost.declareExchange(exchangeSpec('amq.direct', { type: 'topic', durable: true })))).toBe(
    "precondition-failed: inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': " +
      "received 'topic' but current is 'direct'",
  )
})

test('exchanges: names and types that cannot be are refused', async () => {
  const { vhost } = await openVhost()
  const declare = (name: string, type = 'direct') => refusal(() => vhost.declareExchange(exchangeSpec(name, { type })))
  expect(await declare('amq.foo')).toBe("access-refused: exchange name 'amq.foo' contains reserved prefix 'amq.*'")
  expect(await declare('')).toBe('access-refused: operation not permitted on the default exchange')
  expect(await declare('\r\n')).toBe('access-refused: operation not permitted on the default exchange')
  expect(await declare('x', 'bogus')).toBe("precondition-failed: unknown exchange type 'bogus'")
  expect(await declare('ü'.repeat(128))).toBe('precondition-failed: exchange name is longer than 255 bytes')
  expect(await declare('ü'.repeat(127))).toBe('accepted')
  expect(await declare('x', 'x-delayed-message')).toBe(
    "precondition-failed: Invalid argument, 'x-delayed-type' must be an existing exchange type",
  )
  expect(exchangeNames(vhost)).toEqual(['ü'.repeat(127)])
})

test('exchanges: line breaks are taken out of names, wherever a name is used', async () => {
  const { vhost } = await openVhost()
  await vhost.declareExchange(exchangeSpec('a\r\nb'))
  expect(exchangeNames(vhost)).toEqual(['ab'])
  vhost.checkExchange('a\nb')
  await vhost.deleteExchange('ab\n', { ifUnused: false })
  expect(exchangeNames(vhost)).toEqual([])
})

test('exchanges: a second declaration must agree, property by property', async () => {
  const { vhost } = await openVhost()
  const args = tableOf({ 'alternate-exchange': longstr('a') })
  await vhost.declareExchange(exchangeSpec('x', { arguments: args }))
  await vhost.declareExchange(exchangeSpec('x', { arguments: args }))
  const again = (more: object) => refusal(() => vhost.declareExchange(exchangeSpec('x', { arguments: args, ...more })))
  const text = (name: string, received: string, current: string) =>
    `precondition-failed: inequivalent arg '${name}' for exchange 'x' in vhost '/': ` +
    `received ${received} but current is ${current}`
  expect(await again({ type: 'topic', durable: true })).toBe(text('type', "'topic'", "'direct'"))
  expect(await again({ durable: true, autoDelete: true })).toBe(text('durable', "'true'", "'false'"))
  expect(await again({ autoDelete: true, internal: true })).toBe(text('auto_delete', "'true'", "'false'"))
  expect(await again({ internal: true, arguments: tableOf({}) })).toBe(text('internal', "'true'", "'false'"))
  expect(await again({ arguments: tableOf({}) })).toBe(
    text('alternate-exchange', 'none', "the value 'a' of type 'longstr'"),
  )
  expect(await again({ arguments: tableOf({ 'alternate-exchange': longstr('b') }) })).toBe(
    text('alternate-exchange', "'b'", "'a'"),
  )
  expect(await again({ arguments: new Map([...args, ['x-other', long(1)]]) })).toBe('accepted')
})

test('exchanges: an alternate must be named by a text', async () => {
  const { vhost } = await openVhost()
  const args = tableOf({ 'alternate-exchange': long(5) })
  expect(await refusal(() => vhost.declareExchange(exchangeSpec('x', { arguments: args })))).toBe(
    "precondition-failed: invalid type 'long' for arg 'alternate-exchange' in exchange 'x' in vhost '/'",
  )
})

test('exchanges: passive declaration and publishing ask for one that is there', async () => {
  const { vhost } = await openVhost()
  await vhost.declareExchange(exchangeSpec('inner', { internal: true }))
  vhost.checkExchange('inner')
  expect(await refusal(() => vhost.checkExchange('nope'))).toBe("not-found: no exchange 'nope' in vhost '/'")
  expect(await refusal(() => vhost.checkExchange(''))).toBe(
    'access-refused: operation not permitted on the default exchange',
  )
  expect(await refusal(() => vhost.exchangeToPublish('nope'))).toBe("not-found: no exchange 'nope' in vhost '/'")
  expect(await refusal(() => vhost.exchangeToPublish('inner'))).toBe(
    "access-refused: cannot publish to internal exchange 'inner' in vhost '/'",
  )
  expect(vhost.exchangeToPublish('').name).toBe('')
})

test('exchanges: deleting spares what is in use if asked, the system, and takes a missing one as done', async () => {
  const { vhost } = await openVhost()
  const remove = (name: string, ifUnused = false) => refusal(() => vhost.deleteExchange(name, { ifUnused }))
  expect(await remove('')).toBe('access-refused: operation not permitted on the default exchange')
  expect(await remove('amq.direct')).toBe(
    "access-refused: deletion of system exchange 'amq.direct' in vhost '/' not allowed",
  )
  expect(await remove('nope')).toBe('accepted')
  await vhost.declareExchange(exchangeSpec('x', { type: 'fanout' }))
  await vhost.declareExchange(exchangeSpec('into'))
  await vhost.declareQueue(queueSpec('q'), anyone)
  await vhost.bindQueue(bindingSpec('x', 'q'), anyone)
  await vhost.bindExchange(bindingSpec('x', 'into'))
  expect(await remove('x', true)).toBe("precondition-failed: exchange 'x' in vhost '/' in use")
  expect(await remove('into', true)).toBe('accepted')
  expect(await remove('x')).toBe('accepted')
  expect([...vhost.bindings()]).toEqual([])
  expect(exchangeNames(vhost)).toEqual([])
})

test('exchanges: an auto-delete one goes with its last binding as source, never before it had one', async () => {
  const { vhost } = await openVhost()
  for (const durable of [false, true]) {
    await vhost.declareExchange(exchangeSpec('x', { autoDelete: true, durable }))
    await vhost.declareQueue(queueSpec('q', { durable }), anyone)
    await vhost.bindExchange(bindingSpec('amq.fanout', 'x'))
    await vhost.unbindExchange(bindingSpec('amq.fanout', 'x'))
    await vhost.bindQueue(bindingSpec('x', 'q', 'a'), anyone)
    await vhost.bindQueue(bindingSpec('x', 'q', 'b'), anyone)
    await vhost.unbindQueue(bindingSpec('x', 'q', 'a'), anyone)
    expect(exchangeNames(vhost)).toEqual(['x'])
    await vhost.unbindQueue(bindingSpec('x', 'q', 'b'), anyone)
    expect(exchangeNames(vhost)).toEqual([])
    await vhost.deleteQueue('q', { ifUnused: false, ifEmpty: false }, anyone)
  }
})

test('exchanges: auto-delete runs along a chain when the queue at its end goes', async () => {
  const { broker, vhost } = await openVhost()
  for (const durable of [false, true]) {
    for (const name of ['a', 'b', 'c']) await vhost.declareExchange(exchangeSpec(name, { autoDelete: true, durable }))
    await vhost.declareExchange(exchangeSpec('stays', { durable }))
    await vhost.declareQueue(queueSpec('q', { durable }), anyone)
    await vhost.bindExchange(bindingSpec('stays', 'a'))
    await vhost.bindExchange(bindingSpec('a', 'b'))
    await vhost.bindExchange(bindingSpec('b', 'c'))
    await vhost.bindQueue(bindingSpec('c', 'q'), anyone)
    await vhost.deleteQueue('q', { ifUnused: false, ifEmpty: false }, anyone)
    expect(exchangeNames(vhost)).toEqual(['stays'])
    expect([...vhost.bindings()]).toEqual([])
    expect(broker.keys('binding/')).toEqual([])
    await vhost.deleteExchange('stays', { ifUnused: true })
  }
})

test('exchanges: an auto-delete one bound to itself goes when it is unbound', async () => {
  const { vhost } = await openVhost()
  await vhost.declareExchange(exchangeSpec('x', { autoDelete: true }))
  await vhost.bindExchange(bindingSpec('x', 'x'))
  await vhost.unbindExchange(bindingSpec('x', 'x'))
  expect(exchangeNames(vhost)).toEqual([])
})
