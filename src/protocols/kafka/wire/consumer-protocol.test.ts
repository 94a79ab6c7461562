import { expect, test } from 'vitest'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'
import { hex, wireErrorOf } from './test-kit.ts'

/** As kafka-python 3.0.12 writes them. */
const SUBSCRIPTIONS = [
  '0000 00000002 000161 000362c3a9 00000002 0102',
  '0001 00000002 000161 000362c3a9 00000002 0102 00000001 000161 00000002 00000000 00000003',
  '0002 00000002 000161 000362c3a9 00000002 0102 00000001 000161 00000002 00000000 00000003 00000007',
  '0003 00000002 000161 000362c3a9 00000002 0102 00000001 000161 00000002 00000000 00000003 00000007 00027231',
].map(hex)

const subscription = {
  topics: ['a', 'bé'],
  userData: hex('0102'),
  ownedPartitions: [{ topic: 'a', partitions: [0, 3] }],
  generationId: 7,
  rackId: 'r1',
}

test('consumer protocol: subscriptions of every version, both ways', () => {
  for (const [version, bytes] of SUBSCRIPTIONS.entries()) {
    expect(decodeSubscription(bytes)).toEqual({
      ...subscription,
      ownedPartitions: version >= 1 ? subscription.ownedPartitions : [],
      generationId: version >= 2 ? 7 : -1,
      rackId: version >= 3 ? 'r1' : null,
    })
    expect(encodeSubscription(subscription, version).toString('hex')).toBe(bytes.toString('hex'))
  }
})

test('consumer protocol: assignments, both ways', () => {
  const bytes = hex('0003 00000001 000161 00000002 00000001 00000002 ffffffff')
  const assignment = { assignedPartitions: [{ topic: 'a', partitions: [1, 2] }], userData: null }
  expect(decodeAssignment(bytes)).toEqual(assignment)
  expect(encodeAssignment(assignment).toString('hex')).toBe(bytes.toString('hex'))
  expect(encodeAssignment({}, 0).toString('hex')).toBe('0000' + '00000000' + 'ffffffff')
})

test('consumer protocol: what kafkajs calls version 1 is read as far as it goes', () => {
  expect(decodeSubscription(hex('0001 00000002 000161 000162 00000001 01'))).toEqual({
    topics: ['a', 'b'],
    userData: hex('01'),
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  })
})

test('consumer protocol: a later version is read as the newest known one', () => {
  const bytes = Buffer.concat([SUBSCRIPTIONS[3]!, hex('0000002a')])
  bytes.writeInt16BE(9, 0)
  expect(decodeSubscription(bytes)).toEqual(subscription)
})

test('consumer protocol: bytes of other protocols, and those cut before the user data ends, are refused', () => {
  for (const digits of ['', '00', 'ffff', '0000 7fffffff', '0001 00000001', '0003 ffffffff']) {
    expect(
      wireErrorOf(() => decodeSubscription(hex(digits))),
      digits,
    ).toBeDefined()
    expect(
      wireErrorOf(() => decodeAssignment(hex(digits))),
      digits,
    ).toBeDefined()
  }
  const [bytes] = SUBSCRIPTIONS
  for (let end = 0; end < bytes!.length; end++) {
    expect(wireErrorOf(() => decodeSubscription(Buffer.from(bytes!.subarray(0, end))))).toBeDefined()
  }
})
