import { expect, test } from 'vitest'
import { bool, emptyTable, type FieldValue, long, longstr } from '../../base/field-value.ts'
import { checkQueueArguments, queueSettings } from './queue-arguments.ts'
import { tableOf } from './test-kit.ts'

const where = "queue 'q' in vhost '/'"
const int = (value: number): FieldValue => ({ type: 'I', value })

function problem(args: Record<string, FieldValue>): string {
  try {
    checkQueueArguments(tableOf(args), where)
  } catch (error) {
    expect(error).toMatchObject({ reason: 'precondition-failed' })
    return (error as Error).message
  }
  return 'accepted'
}

test('queue arguments: each wrong value is refused in the words clients know', () => {
  const cases: [name: string, value: FieldValue, problem: string][] = [
    ['x-message-ttl', longstr('a'), '"expected integer, got longstr"'],
    ['x-message-ttl', int(-1), '{value_negative,-1}'],
    ['x-message-ttl', long(315_360_000_001), '{value_too_large,315360000001}'],
    ['x-message-ttl', { type: 'd', value: 5 }, '"expected integer, got double"'],
    ['x-expires', int(0), '{value_zero,0}'],
    ['x-expires', int(-5), '{value_negative,-5}'],
    ['x-expires', bool(true), '"expected integer, got bool"'],
    ['x-max-length', int(-1), '{value_negative,-1}'],
    ['x-max-length-bytes', { type: 'V' }, '"expected integer, got void"'],
    ['x-max-priority', int(256), '{max_value_exceeded,256}'],
    ['x-max-priority', int(-1), '{value_negative,-1}'],
    ['x-overflow', longstr('bogus'), 'invalid_overflow'],
    ['x-overflow', int(1), '{unacceptable_type,signedint}'],
    ['x-dead-letter-routing-key', longstr('a'), 'routing_key_but_no_dlx_defined'],
    ['x-dead-letter-routing-key', int(1), '{unacceptable_type,signedint}'],
    ['x-dead-letter-strategy', longstr('never'), 'invalid_dlx_strategy'],
    ['x-single-active-consumer', longstr('true'), '{unacceptable_type,longstr}'],
    ['x-queue-type', longstr('bogus'), `"unsupported queue type 'bogus'"`],
    ['x-queue-type', int(1), '{unacceptable_type,signedint}'],
    ['x-delivery-limit', int(-2), '{value_negative,-2}'],
    ['x-consumer-timeout', int(-1), '{value_negative,-1}'],
  ]
  for (const [name, value, text] of cases) {
    expect(problem({ [name]: value }), `${name} ${text}`).toBe(`invalid arg '${name}' for ${where}: ${text}`)
  }
  expect(problem({ 'x-dead-letter-exchange': int(5) })).toBe(
    `invalid type 'signedint' for arg 'x-dead-letter-exchange' in ${where}`,
  )
})

test('queue arguments: what still is sent but means nothing here is taken, so is what nobody knows', () => {
  const args = {
    'x-queue-mode': longstr('lazy'),
    'x-queue-version': int(1),
    'x-ha-policy': longstr('all'),
    'x-queue-master-locator': longstr('min-masters'),
    'x-queue-leader-locator': longstr('balanced'),
    'x-quorum-initial-group-size': int(3),
    'x-initial-cluster-size': int(3),
    'x-max-in-memory-length': int(0),
    'x-max-in-memory-bytes': longstr('odd'),
    'x-whatever': { type: 'V' } as const,
  }
  expect(problem(args)).toBe('accepted')
  expect(queueSettings(tableOf(args))).toEqual(queueSettings(emptyTable))
})

test('queue arguments: nothing said means nothing limited', () => {
  expect(queueSettings(emptyTable)).toEqual({
    type: 'classic',
    messageTtlMs: undefined,
    expiresMs: undefined,
    maxLength: undefined,
    maxLengthBytes: undefined,
    overflow: 'drop-head',
    deadLetterExchange: undefined,
    deadLetterRoutingKey: undefined,
    deliveryLimit: undefined,
    maxPriority: 0,
    singleActiveConsumer: false,
    consumerTimeoutMs: undefined,
  })
})

test('queue arguments: everything said is read, whatever the width of the integer', () => {
  const args = {
    'x-queue-type': longstr('quorum'),
    'x-message-ttl': { type: 's', value: 0 } as const,
    'x-expires': long(60_000n),
    'x-max-length': { type: 'b', value: 10 } as const,
    'x-max-length-bytes': long(2 ** 40),
    'x-overflow': longstr('block'),
    'x-dead-letter-exchange': longstr(''),
    'x-dead-letter-routing-key': longstr('dead'),
    'x-dead-letter-strategy': longstr('at-least-once'),
    'x-delivery-limit': int(5),
    'x-max-priority': int(255),
    'x-single-active-consumer': bool(true),
    'x-consumer-timeout': int(1000),
  }
  expect(problem(args)).toBe('accepted')
  expect(queueSettings(tableOf(args))).toEqual({
    type: 'quorum',
    messageTtlMs: 0,
    expiresMs: 60_000,
    maxLength: 10,
    maxLengthBytes: 2 ** 40,
    overflow: 'block',
    deadLetterExchange: '',
    deadLetterRoutingKey: 'dead',
    deliveryLimit: 5,
    maxPriority: 255,
    singleActiveConsumer: true,
    consumerTimeoutMs: 1000,
  })
})

test('queue arguments: -1 as delivery limit and 0 as priority or timeout mean none', () => {
  const args = { 'x-delivery-limit': int(-1), 'x-max-priority': int(0), 'x-consumer-timeout': int(0) }
  expect(problem(args)).toBe('accepted')
  const { deliveryLimit, maxPriority, consumerTimeoutMs } = queueSettings(tableOf(args))
  expect([deliveryLimit, maxPriority, consumerTimeoutMs]).toEqual([undefined, 0, undefined])
})

test('queue arguments: the type asked for is told', () => {
  expect(checkQueueArguments(emptyTable, where)).toBe('classic')
  for (const type of ['classic', 'quorum', 'stream'] as const) {
    expect(checkQueueArguments(tableOf({ 'x-queue-type': longstr(type) }), where)).toBe(type)
  }
})

test('queue arguments: a routing key for dead letters that no message can carry is refused', () => {
  const withKey = (key: FieldValue): string =>
    problem({ 'x-dead-letter-exchange': longstr(''), 'x-dead-letter-routing-key': key })
  expect(withKey(longstr('k'.repeat(255)))).toBe('accepted')
  expect(withKey(longstr('k'.repeat(256)))).toContain('"longer than 255 bytes"')
  expect(withKey(longstr('\u00e4'.repeat(128)))).toContain('"longer than 255 bytes"')
  expect(withKey(longstr(Buffer.alloc(256, 0xff)))).toContain('"longer than 255 bytes"')
})
