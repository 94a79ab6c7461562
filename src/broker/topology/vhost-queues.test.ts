import { expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { bool, type FieldValue, long, longstr } from '../../base/field-value.ts'
import type { QueueSpec } from '../session.ts'
import {
  bindingSpec,
  exchangeNames,
  exchangeSpec,
  openVhost,
  queueSpec,
  reached,
  refusal,
  settled,
  tableOf,
  testSession,
} from './test-kit.ts'

const anyone = testSession()
const always = { ifUnused: false, ifEmpty: false }
const locked = (name: string): string =>
  `resource-locked: cannot obtain exclusive access to locked queue '${name}' in vhost '/'. It could be originally ` +
  'declared on another connection or the exclusive property value does not match that of the original declaration.'

test('queues: one without a name gets one of the broker, each its own', async () => {
  const { vhost } = await openVhost()
  const first = await vhost.declareQueue(queueSpec('', { exclusive: true }), anyone)
  const second = await vhost.declareQueue(queueSpec('', { autoDelete: true }), anyone)
  expect(first.name).toMatch(/^amq\.gen-[\w-]{22}$/)
  expect(second.name).not.toBe(first.name)
  const prefixed = queueSpec('', { arguments: tableOf({ 'x-name-prefix': longstr('job') }) })
  expect((await vhost.declareQueue(prefixed, anyone)).name).toMatch(/^job-[\w-]{22}$/)
  // What is there may be declared again, reserved name or not.
  await vhost.declareQueue(queueSpec(first.name, { exclusive: true }), anyone)
  const quorum = queueSpec('', { durable: true, arguments: tableOf({ 'x-queue-type': longstr('quorum') }) })
  expect(await refusal(() => vhost.declareQueue(quorum, anyone))).toBe(
    'precondition-failed: Cannot declare a server-named queue for type rabbit_quorum_queue',
  )
})

test('queues: a new one may not take a reserved name, a missing one is not found', async () => {
  const { vhost } = await openVhost()
  expect(await refusal(() => vhost.declareQueue(queueSpec('amq.foo'), anyone))).toBe(
    "access-refused: queue name 'amq.foo' contains reserved prefix 'amq.*'",
  )
  expect(await refusal(() => vhost.checkQueue('nope', anyone))).toBe("not-found: no queue 'nope' in vhost '/'")
  expect(await refusal(() => vhost.requireQueue('nope', anyone))).toBe("not-found: no queue 'nope' in vhost '/'")
  await vhost.declareQueue(queueSpec('a\r\nb'), anyone)
  expect(vhost.checkQueue('a\nb', anyone).name).toBe('ab')
})

test('queues: declaring again and asking passively tell the counts and count as use', async () => {
  const { broker, vhost } = await openVhost()
  expect(await vhost.declareQueue(queueSpec('q'), anyone)).toEqual({ name: 'q', readyCount: 0, consumerCount: 0 })
  const queue = broker.made[0]!
  queue.readyCount = 3
  queue.consumerCount = 2
  expect(await vhost.declareQueue(queueSpec('q'), anyone)).toEqual({ name: 'q', readyCount: 3, consumerCount: 2 })
  expect(vhost.checkQueue('q', anyone)).toEqual({ name: 'q', readyCount: 3, consumerCount: 2 })
  expect(queue.touchCount).toBe(2)
  expect(broker.made).toHaveLength(1)
})

/** Declares a queue, then again; what the second says. */
async function redeclared(first: Partial<QueueSpec>, second: Partial<QueueSpec>): Promise<string> {
  const { vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q', first), anyone)
  return refusal(() => vhost.declareQueue(queueSpec('q', second), anyone))
}

const args = (entries: Record<string, FieldValue>): Partial<QueueSpec> => ({ arguments: tableOf(entries) })
const differs = (name: string, received: string, current: string): string =>
  `precondition-failed: inequivalent arg '${name}' for queue 'q' in vhost '/': received ${received} but current is ${current}`

test('queues: a second declaration must agree, first on the owner, then on durable, auto-delete, arguments', async () => {
  expect(await redeclared({ durable: true }, {})).toBe(differs('durable', "'false'", "'true'"))
  expect(await redeclared({ durable: true }, { durable: true, autoDelete: true })).toBe(
    differs('auto_delete', "'true'", "'false'"),
  )
  expect(await redeclared({}, { exclusive: true, autoDelete: true })).toBe(locked('q'))
  expect(await redeclared({ exclusive: true }, {})).toBe(locked('q'))
  expect(await redeclared({ exclusive: true, durable: true }, { exclusive: true, durable: true })).toBe('accepted')
  expect(await redeclared({ exclusive: true, durable: true }, { exclusive: true })).toBe('accepted')
  expect(await redeclared({ durable: true }, { autoDelete: true, ...args({ 'x-expires': long(1) }) })).toBe(
    differs('durable', "'false'", "'true'"),
  )
})

test('queues: arguments are compared by value, the known ones only', async () => {
  const ttl = (value: FieldValue) => args({ 'x-message-ttl': value })
  const short = ttl({ type: 's', value: 1000 })
  expect(await redeclared(short, ttl(long(2000)))).toBe(differs('x-message-ttl', "'2000'", "'1000'"))
  expect(await redeclared(short, {})).toBe(differs('x-message-ttl', 'none', "the value '1000' of type 'short'"))
  expect(await redeclared({}, ttl(long(5)))).toBe(differs('x-message-ttl', "the value '5' of type 'long'", 'none'))
  expect(await redeclared(short, ttl({ type: 'I', value: 1000 }))).toBe('accepted')
  expect(await redeclared(args({ 'x-foo': long(1) }), args({ 'x-foo': long(2) }))).toBe('accepted')
  expect(await redeclared(args({ 'x-queue-mode': longstr('lazy') }), {})).toBe('accepted')
  expect(await redeclared(args({ 'x-queue-type': longstr('classic') }), {})).toBe('accepted')
  expect(await redeclared({}, args({ 'x-queue-type': longstr('classic') }))).toBe('accepted')
  const quorum = { durable: true, ...args({ 'x-queue-type': longstr('quorum') }) }
  expect(await redeclared(quorum, { durable: true })).toBe(differs('x-queue-type', "'classic'", "'quorum'"))
  const single = args({ 'x-single-active-consumer': bool(true) })
  expect(await redeclared(single, args({ 'x-single-active-consumer': bool(false) }))).toBe(
    differs('x-single-active-consumer', "'false'", "'true'"),
  )
})

test('queues: wrong arguments matter for a new queue only, and leave none behind', async () => {
  const wrong = args({ 'x-expires': long(0) })
  expect(await redeclared(args({ 'x-expires': long(5) }), wrong)).toBe(differs('x-expires', "'0'", "'5'"))
  const { broker, vhost } = await openVhost()
  expect(await refusal(() => vhost.declareQueue(queueSpec('q', wrong), anyone))).toBe(
    "precondition-failed: invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}",
  )
  expect(broker.made).toEqual([])
})

test('queues: quorum and stream refuse the properties they cannot have', async () => {
  const { vhost } = await openVhost()
  const declare = (type: string, more: Partial<QueueSpec>) =>
    refusal(() => vhost.declareQueue(queueSpec('q', { ...args({ 'x-queue-type': longstr(type) }), ...more }), anyone))
  const property = (name: string) => `precondition-failed: invalid property '${name}' for queue 'q' in vhost '/'`
  expect(await declare('quorum', {})).toBe(property('non-durable'))
  expect(await declare('quorum', { durable: true, exclusive: true })).toBe(property('exclusive-owner'))
  expect(await declare('stream', { durable: true, autoDelete: true })).toBe(property('auto-delete'))
  expect(await declare('stream', {})).toBe(property('non-durable'))
  const both = args({ 'x-queue-type': longstr('quorum'), 'x-max-priority': long(5) })
  expect(await declare('quorum', { durable: true, ...both })).toBe('accepted')
})

test('queues: another session may not touch an exclusive one in any way', async () => {
  const { vhost } = await openVhost()
  const owner = testSession()
  await vhost.declareQueue(queueSpec('q', { exclusive: true }), owner)
  await vhost.bindQueue(bindingSpec('amq.direct', 'q', 'k'), owner)
  for (const call of [
    () => vhost.checkQueue('q', anyone),
    () => vhost.requireQueue('q', anyone),
    () => vhost.requireQueue('q', undefined),
    () => vhost.declareQueue(queueSpec('q', { exclusive: true }), anyone),
    () => vhost.declareQueue(queueSpec('q'), anyone),
    () => vhost.deleteQueue('q', always, anyone),
    () => vhost.bindQueue(bindingSpec('amq.direct', 'q', 'x'), anyone),
    () => vhost.unbindQueue(bindingSpec('amq.direct', 'q', 'k'), anyone),
  ]) {
    expect(await refusal(call), String(call)).toBe(locked('q'))
  }
  expect(vhost.requireQueue('q', owner).definition.durable).toBe(false)
})

test('queues: a session that ends takes its exclusive queues, at once and with what hangs on them', async () => {
  const { broker, vhost } = await openVhost()
  const [owner, other] = [testSession(), testSession()]
  for (const durable of [false, true]) {
    const x = `x-${durable}`
    await vhost.declareExchange(exchangeSpec(x, { autoDelete: true, durable }))
    await vhost.declareQueue(queueSpec(x, { exclusive: true, durable: true }), owner)
    await vhost.bindQueue(bindingSpec(x, x), owner)
  }
  await vhost.declareQueue(queueSpec('others', { exclusive: true }), other)
  await vhost.declareQueue(queueSpec('nobodys'), owner)
  const done = vhost.deleteExclusiveOf(owner)
  expect([...vhost.queues()].map((queue) => queue.definition.name)).toEqual(['others', 'nobodys'])
  expect(broker.made.map((queue) => queue.endCount)).toEqual([1, 1, 0, 0])
  await done
  expect(exchangeNames(vhost)).toEqual([])
  expect(broker.keys('exchange/')).toEqual([])
})

test('queues: an exclusive one that was deleted before its session ended is not ended again', async () => {
  const { broker, vhost } = await openVhost()
  const owner = testSession()
  for (const name of ['a', 'b']) await vhost.declareQueue(queueSpec(name, { exclusive: true }), owner)
  await vhost.deleteQueue('a', always, owner)
  await vhost.deleteExclusiveOf(owner)
  expect(broker.made.map((queue) => queue.endCount)).toEqual([1, 1])
})

test('queues: a declaration still under way when its session ends makes no queue', async () => {
  const { vhost } = await openVhost()
  const owner = testSession()
  const declared = refusal(() => vhost.declareQueue(queueSpec('q', { exclusive: true }), owner))
  await vhost.deleteExclusiveOf(owner)
  expect(await declared).toBe('not-allowed: the session has ended')
  expect([...vhost.queues()]).toEqual([])
})

test('queues: deleting tells what was there, and heeds if-unused and if-empty', async () => {
  const { broker, vhost } = await openVhost()
  for (const durable of [false, true]) {
    await vhost.declareQueue(queueSpec('q', { durable }), anyone)
    await vhost.bindQueue(bindingSpec('amq.direct', 'q', 'k'), anyone)
    const queue = vhost.requireQueue('q', anyone)
    queue.consumerCount = 1
    queue.readyCount = 4
    expect(await refusal(() => vhost.deleteQueue('q', { ifUnused: true, ifEmpty: true }, anyone))).toBe(
      "precondition-failed: queue 'q' in vhost '/' in use",
    )
    expect(await refusal(() => vhost.deleteQueue('q', { ifUnused: false, ifEmpty: true }, anyone))).toBe(
      "precondition-failed: queue 'q' in vhost '/' not empty",
    )
    expect(queue.endCount).toBe(0)
    expect(await vhost.deleteQueue('q', always, anyone)).toBe(4)
    expect(queue.endCount).toBe(1)
    expect([...vhost.bindings()]).toEqual([])
    expect(broker.keys().filter((key) => key.includes('/q'))).toEqual([])
    expect(await vhost.deleteQueue('q', always, anyone)).toBe(0)
  }
})

test('queues: one that wishes to end is deleted, unless somebody uses it again', async () => {
  const { broker, vhost } = await openVhost()
  for (const durable of [false, true]) {
    await vhost.declareQueue(queueSpec('q', { durable, autoDelete: true }), anyone)
    const queue = broker.made.at(-1)!
    queue.consumerCount = 1
    queue.wish('unused')
    await settled()
    expect(vhost.findQueue('q')).toBe(queue)
    queue.consumerCount = 0
    queue.wish('unused')
    queue.wish('expired')
    await settled()
    expect(vhost.findQueue('q')).toBe(undefined)
    expect(queue.endCount).toBe(1)
    await vhost.declareQueue(queueSpec('q', { durable, autoDelete: true }), anyone)
    queue.wish('unused')
    await settled()
    expect(vhost.findQueue('q')).toBe(broker.made.at(-1))
    await vhost.deleteQueue('q', always, anyone)
  }
})

test('queues: a wish to end that cannot be stored is told', async () => {
  const { broker, vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q', { durable: true, autoDelete: true }), anyone)
  const disk = new Error('disk')
  broker.meta.delete = () => Promise.reject(disk)
  broker.made[0]!.wish('unused')
  await settled()
  expect(broker.failures).toEqual([disk])
})

test('queues: while its deletion is being stored nothing reaches it, and a new one of its name waits', async () => {
  const { broker, vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
  await vhost.bindQueue(bindingSpec('amq.direct', 'q', 'k'), anyone)
  const deleted = vhost.deleteQueue('q', { ifUnused: true, ifEmpty: true }, anyone)
  expect([reached(vhost, '', 'q'), reached(vhost, 'amq.direct', 'k')]).toEqual([[], []])
  expect(await refusal(() => vhost.requireQueue('q', anyone))).toContain('not-found')
  expect(broker.made[0]?.endCount).toBe(0)
  const declared = vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
  await deleted
  expect(broker.made[0]?.endCount).toBe(1)
  await declared
  expect([reached(vhost, '', 'q'), reached(vhost, 'amq.direct', 'k')]).toEqual([['q'], []])
})

test('queues: one whose deletion cannot be stored is there as it was', async () => {
  const { broker, vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q', { durable: true }), anyone)
  await vhost.bindQueue(bindingSpec('amq.direct', 'q', 'k'), anyone)
  const remove = broker.meta.delete
  broker.meta.delete = () => Promise.reject(new StorageError('disk-full', 'no room'))
  await expect(vhost.deleteQueue('q', always, anyone)).rejects.toThrow('no room')
  expect([reached(vhost, '', 'q'), reached(vhost, 'amq.direct', 'k')]).toEqual([['q'], ['q']])
  broker.meta.delete = remove
  await vhost.deleteQueue('q', always, anyone)
  expect(reached(vhost, '', 'q')).toEqual([])
  expect(broker.made[0]?.endCount).toBe(1)
})
