import { expect, test } from 'vitest'
import { long, longstr } from '../../base/field-value.ts'
import { bindingSpec, exchangeSpec, openVhost, queueSpec, reached, refusal, tableOf, testSession } from './test-kit.ts'

const anyone = testSession()

test('bindings: both ends must be there, the source is asked for first', async () => {
  const { vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q'), anyone)
  const bind = (source: string, queue: string) =>
    refusal(() => vhost.bindQueue(bindingSpec(source, queue, 'k'), anyone))
  expect(await bind('amq.direct', 'nope')).toBe("not-found: no queue 'nope' in vhost '/'")
  expect(await bind('nope', 'q')).toBe("not-found: no exchange 'nope' in vhost '/'")
  expect(await bind('gone', 'nope')).toBe("not-found: no exchange 'gone' in vhost '/'")
  expect(await refusal(() => vhost.bindExchange(bindingSpec('nope', 'amq.direct')))).toBe(
    "not-found: no exchange 'nope' in vhost '/'",
  )
  expect(await refusal(() => vhost.bindExchange(bindingSpec('amq.direct', 'nope')))).toBe(
    "not-found: no exchange 'nope' in vhost '/'",
  )
})

test('bindings: the default exchange is neither source nor destination', async () => {
  const { vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q'), anyone)
  for (const call of [
    () => vhost.bindQueue(bindingSpec('', 'q'), anyone),
    () => vhost.unbindQueue(bindingSpec('', 'q'), anyone),
    () => vhost.bindExchange(bindingSpec('', 'amq.direct')),
    () => vhost.bindExchange(bindingSpec('amq.direct', '')),
    () => vhost.unbindExchange(bindingSpec('amq.direct', '')),
  ]) {
    // Through the promise: who hands the call on without awaiting it must not be hit.
    const answer = call()
    await expect(answer, String(call)).rejects.toMatchObject({
      reason: 'access-refused',
      message: 'operation not permitted on the default exchange',
    })
  }
})

test('bindings: what is missing is not bound, so unbinding it is no error', async () => {
  const { vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q'), anyone)
  await vhost.unbindQueue(bindingSpec('amq.direct', 'q', 'nokey'), anyone)
  await vhost.unbindQueue(bindingSpec('nope', 'q', 'nokey'), anyone)
  await vhost.unbindQueue(bindingSpec('amq.direct', 'nope', 'nokey'), anyone)
  await vhost.unbindExchange(bindingSpec('nope', 'gone'))
})

test('bindings: the same one counts once, another key or other arguments make another', async () => {
  const { vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q'), anyone)
  const one = tableOf({ a: longstr('1') })
  const specs = [
    bindingSpec('amq.headers', 'q', 'k', one),
    bindingSpec('amq.headers', 'q', 'other', one),
    bindingSpec('amq.headers', 'q', 'k', tableOf({ a: longstr('2') })),
  ]
  for (const spec of [...specs, ...specs]) await vhost.bindQueue(spec, anyone)
  expect([...vhost.bindings()]).toEqual(specs.map((spec) => ({ ...spec, destinationKind: 'queue' })))
  await vhost.unbindQueue(specs[0]!, anyone)
  expect([...vhost.bindings()]).toHaveLength(2)
})

test('bindings: the kind of the source has its say', async () => {
  const { vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('q'), anyone)
  const bogus = tableOf({ 'x-match': longstr('bogus') })
  expect(await refusal(() => vhost.bindQueue(bindingSpec('amq.headers', 'q', '', bogus), anyone))).toBe(
    'precondition-failed: Invalid x-match field value <<"bogus">>; expected all, any, all-with-x, or any-with-x',
  )
  await vhost.declareExchange(exchangeSpec('hash', { type: 'x-consistent-hash' }))
  expect(await refusal(() => vhost.bindQueue(bindingSpec('hash', 'q', 'heavy'), anyone))).toBe(
    'precondition-failed: The binding key must be an integer: <<"heavy">>',
  )
  const delayed = tableOf({ 'x-delayed-type': longstr('x-consistent-hash') })
  await vhost.declareExchange(exchangeSpec('late', { type: 'x-delayed-message', arguments: delayed }))
  expect(await refusal(() => vhost.bindQueue(bindingSpec('late', 'q', '0'), anyone))).toBe(
    'precondition-failed: The binding key must be greater than 0',
  )
  expect([...vhost.bindings()]).toEqual([])
})

test('bindings: messages follow them from the moment the call is done', async () => {
  const { vhost } = await openVhost()
  for (const durable of [false, true]) {
    const queue = `q-${durable}`
    await vhost.declareQueue(queueSpec(queue, { durable }), anyone)
    await vhost.declareExchange(exchangeSpec(`x-${durable}`, { durable }))
    await vhost.bindQueue(bindingSpec('amq.topic', queue, 'a.#'), anyone)
    await vhost.bindExchange(bindingSpec(`x-${durable}`, 'amq.topic', 'a.b'))
    expect(reached(vhost, `x-${durable}`, 'a.b')).toEqual([queue])
    expect(reached(vhost, '', queue)).toEqual([queue])
    await vhost.unbindQueue(bindingSpec('amq.topic', queue, 'a.#'), anyone)
    expect(reached(vhost, `x-${durable}`, 'a.b')).toEqual([])
  }
})

test('bindings: only those between durable ends are stored', async () => {
  const { broker, vhost } = await openVhost()
  await vhost.declareQueue(queueSpec('dq', { durable: true }), anyone)
  await vhost.declareQueue(queueSpec('tq'), anyone)
  await vhost.declareExchange(exchangeSpec('dx', { durable: true }))
  await vhost.declareExchange(exchangeSpec('tx'))
  for (const source of ['dx', 'tx']) {
    for (const queue of ['dq', 'tq']) await vhost.bindQueue(bindingSpec(source, queue), anyone)
  }
  await vhost.bindExchange(bindingSpec('dx', 'tx'))
  await vhost.bindExchange(bindingSpec('amq.direct', 'dx', 'k', tableOf({ n: long(1) })))
  expect(broker.keys('binding/').map((key) => key.split('/').slice(2, 5))).toEqual([
    ['amq=2edirect', 'exchange', 'dx'],
    ['dx', 'queue', 'dq'],
  ])
  expect([...vhost.bindings()]).toHaveLength(6)
})
