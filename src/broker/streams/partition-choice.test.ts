import { expect, test } from 'vitest'
import { headersOf, plainFormat, plainProperties } from '../../../test/support/broker/plain-format.ts'
import { Address, makeMessage } from '../../message/message.ts'
import { consistentPartition, murmur2, PartitionChoice, partitionOfKey } from './partition-choice.ts'

test('partition choice: the hash is the one of the Java client', () => {
  // From the tests of Apache Kafka's Utils.murmur2.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [text, hash] of known) expect(murmur2(Buffer.from(text))).toBe(hash)
  expect(partitionOfKey(Buffer.from('foobar'), 10)).toBe((-790332482 & 0x7fffffff) % 10)
})

test('partition choice: one key, one partition; without a key each in turn', () => {
  const choice = new PartitionChoice()
  const message = (headers: Record<string, string>) => {
    const head = {
      format: plainFormat,
      address: new Address('', 't'),
      persistent: true,
      priority: undefined,
      publishedMs: 0,
      expirationMs: undefined,
    }
    return makeMessage(head, plainProperties(headersOf(headers)), Buffer.from('x'))
  }
  const expected = partitionOfKey(Buffer.from('k1'), 7)
  for (let round = 0; round < 3; round++)
    expect(choice.choose(message({ 'kafka-key': 'k1' }), 7, 'murmur2')).toBe(expected)
  const turns = [0, 1, 2, 3, 4, 5].map(() => choice.choose(message({}), 3, 'murmur2'))
  expect([...turns].sort()).toEqual([0, 0, 1, 1, 2, 2])
  expect(turns.slice(0, 3)).toEqual(turns.slice(3))
})

test('partition choice: with the consistent hash few keys move when partitions are added, and all share evenly', () => {
  const keys = Array.from({ length: 4000 }, (_, index) => Buffer.from(`key-${index}`))
  const before = keys.map((key) => consistentPartition(key, 8))
  const after = keys.map((key) => consistentPartition(key, 10))
  const moved = after.filter((partition, index) => partition !== before[index])
  expect(moved.every((partition) => partition >= 8)).toBe(true)
  expect(moved.length).toBeGreaterThan(4000 * 0.15)
  expect(moved.length).toBeLessThan(4000 * 0.25)
  for (let partition = 0; partition < 10; partition++) {
    const share = after.filter((one) => one === partition).length
    expect(share).toBeGreaterThan(300)
    expect(share).toBeLessThan(500)
  }
})
