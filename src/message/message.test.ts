import { describe, expect, test } from 'vitest'
import { plainFormat } from '../../test/support/broker/plain-format.ts'
import { readText } from '../base/text.ts'
import {
  Address,
  type MessageHead,
  makeMessage,
  messageFromBytes,
  storedBodyBytes,
  storedExpires,
  storedPersistent,
} from './message.ts'
import { MessageFormats } from './message-format.ts'

const formats = new MessageFormats()
formats.register(plainFormat)

const head: MessageHead = {
  format: plainFormat,
  address: new Address('ex', 'key'),
  persistent: true,
  priority: 7,
  publishedMs: 0x0102_0304_0506,
  expirationMs: 60_000,
}

describe('message: the stored form', () => {
  test('is what its drawing says', () => {
    const message = makeMessage(head, Buffer.from('{}'), Buffer.from('body'))
    const fixed = '01c80703' + '010203040506' + '0000ea60' + '00000002'
    expect(message.bytes.toString('hex')).toBe(`${fixed}026578036b6579${Buffer.from('{}body').toString('hex')}`)
  })

  test('comes back as it was, absent priority and expiration included', () => {
    for (const changes of [{}, { priority: undefined, expirationMs: undefined, persistent: false }]) {
      const message = makeMessage({ ...head, ...changes }, Buffer.from('{}'), Buffer.from('body'))
      const again = messageFromBytes(Buffer.from(message.bytes), formats)
      expect(again).toEqual(message)
      expect(storedBodyBytes(message.bytes)).toBe(4)
      expect(storedPersistent(message.bytes)).toBe(message.persistent)
      expect(storedExpires(message.bytes)).toBe(message.expirationMs >= 0)
    }
  })

  test('an expiration beyond 32 bits of milliseconds comes back in whole seconds, never too early', () => {
    for (const [given, kept] of [
      [2 ** 32 - 2, 2 ** 32 - 2],
      [2 ** 32 - 1, 4_294_968_000],
      [2 ** 32, 4_294_968_000],
      [315_360_000_000, 315_360_000_000],
    ] as const) {
      const { bytes } = makeMessage({ ...head, expirationMs: given }, Buffer.from('{}'), Buffer.from('body'))
      expect(messageFromBytes(Buffer.from(bytes), formats).expirationMs, `${given}`).toBe(kept)
      expect(storedExpires(bytes)).toBe(true)
    }
  })

  test('cut anywhere before its body it is damaged, never a message', () => {
    const { bytes, bodyStart } = makeMessage(head, Buffer.from('{}'), Buffer.from('body'))
    for (let length = 0; length < bodyStart; length++) {
      expect(() => messageFromBytes(bytes.subarray(0, length), formats), `cut at ${length}`).toThrow(/stored message/)
    }
  })

  test('of a later version or an unknown format it says so', () => {
    const { bytes } = makeMessage(head, Buffer.alloc(0), Buffer.alloc(0))
    expect(() => messageFromBytes(Buffer.from(bytes).fill(2, 0, 1), formats)).toThrow('version 2')
    expect(() => messageFromBytes(Buffer.from(bytes).fill(99, 1, 2), formats)).toThrow('unknown format 99')
  })

  test('a route that is not UTF-8 keeps its bytes', () => {
    const raw = Buffer.from([0x6b, 0xff, 0xc3, 0x28])
    const address = new Address('', readText(raw, 0, raw.length))
    const { bytes } = makeMessage({ ...head, address }, Buffer.alloc(0), Buffer.alloc(0))
    const again = messageFromBytes(Buffer.from(bytes), formats)
    expect(again.address.bytes.subarray(2)).toEqual(raw)
    expect(again.address.routingKey).toBe(address.routingKey)
  })

  test('messages of one route share its address', () => {
    const { bytes } = makeMessage(head, Buffer.alloc(0), Buffer.alloc(0))
    expect(messageFromBytes(Buffer.from(bytes), formats, head.address).address).toBe(head.address)
  })
})
