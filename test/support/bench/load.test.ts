/** The load generator's counting and encoding: what it counts wrongly, every figure would say wrongly. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfirmWindow } from '../../../bench/load/confirm-window.ts'
import { MessageBlock } from '../../../bench/load/message-block.ts'
import { cpuSecondsIn, memoryIn } from '../../../bench/load/process-usage.ts'
import { FRAME_BODY, FRAME_METHOD, FrameParser } from '../../../src/protocols/amqp/wire/frame.ts'
import { decodeMethod } from '../../../src/protocols/amqp/wire/methods.ts'

describe('confirm window', () => {
  test('counts each publish once, in whatever order and mixture confirms come', () => {
    const confirms = fc.array(fc.record({ tag: fc.integer({ min: 1, max: 40 }), multiple: fc.boolean() }))
    fc.assert(
      fc.property(confirms, fc.integer({ min: 1, max: 64 }), (steps, outstandingCount) => {
        const window = new ConfirmWindow(outstandingCount)
        const confirmed = new Set<number>()
        for (const { tag, multiple } of steps) {
          if (!multiple && confirmed.has(tag)) continue
          for (let each = multiple ? 1 : tag; each <= tag; each++) confirmed.add(each)
          window.confirm(tag, multiple)
          expect(window.confirmedCount).toBe(confirmed.size)
        }
      }),
    )
  })

  test('goes on over many turns of its ring', () => {
    const window = new ConfirmWindow(4)
    for (let tag = 2; tag <= 1000; tag += 2) {
      window.confirm(tag, false)
      window.confirm(tag - 1, tag % 3 === 0)
    }
    expect(window.confirmedCount).toBe(1000)
  })

  test('a confirm that comes twice is an error, not a count', () => {
    const window = new ConfirmWindow(4)
    window.confirm(2, false)
    expect(() => window.confirm(2, false)).toThrow('confirmed twice')
    window.confirm(3, true)
    expect(() => window.confirm(1, false)).toThrow('confirmed twice')
    expect(window.confirmedCount).toBe(3)
  })
})

const FRAME_MAX = 131_072
const keys = ['q-0', 'q-1', 'q-2']

/** The messages in a slice, as a broker would see them. */
function read(slice: Buffer): { routingKey: string; bodyAt: number; bodyBytes: number }[] {
  const messages: { routingKey: string; bodyAt: number; bodyBytes: number }[] = []
  let routingKey = ''
  const parser = new FrameParser({
    frame(type, channel, buffer, start, end) {
      expect(channel).toBe(1)
      if (type === FRAME_METHOD) {
        const method = decodeMethod(buffer, start, end)
        if (method.kind === 'basic.publish') routingKey = method.routingKey
      } else if (type === FRAME_BODY) messages.push({ routingKey, bodyAt: start, bodyBytes: end - start })
    },
  })
  parser.push(slice)
  return messages
}

describe('message block', () => {
  const block = new MessageBlock({ exchange: '', routingKeys: keys, bodyBytes: 100, persistent: true }, 5, FRAME_MAX)

  test('a slice from any key on holds whole messages, keys in turn', () => {
    for (let first = 0; first < keys.length; first++) {
      const messages = read(block.slice(first, 5))
      expect(messages.map(({ routingKey }) => routingKey)).toEqual(
        [0, 1, 2, 3, 4].map((index) => keys[(first + index) % keys.length]),
      )
      expect(messages.every(({ bodyBytes }) => bodyBytes === 100)).toBe(true)
    }
  })

  test('knows where each body lies, for the stamp', () => {
    const at = read(block.slice(1, 3)).map(({ bodyAt }) => bodyAt)
    expect(at).toEqual([0, 1, 2].map((index) => index * block.messageBytes + block.bodyOffset))
  })

  test('routing keys of unlike lengths are refused', () => {
    const shape = { exchange: '', routingKeys: ['q-9', 'q-10'], bodyBytes: 1, persistent: false }
    expect(() => new MessageBlock(shape, 1, FRAME_MAX)).toThrow('keys of one length')
  })

  test('a body that needs two frames is refused', () => {
    const shape = { exchange: '', routingKeys: ['q'], bodyBytes: FRAME_MAX, persistent: false }
    expect(() => new MessageBlock(shape, 1, FRAME_MAX)).toThrow('a body of the load is one frame')
  })
})

describe('process usage', () => {
  test('processor time is read behind a process name with spaces and brackets', () => {
    const stat = '4242 (a (b) c) S 1 4242 4242 0 -1 4194560 100 0 0 0 150 50 7 7 20 0 11 0 12345 1000 200'
    expect(cpuSecondsIn(stat)).toBe(2)
  })

  test('memory is read with its peak', () => {
    const status = 'Name:\tnode\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nThreads:\t11\n'
    expect(memoryIn(status)).toEqual({ residentBytes: 100 * 1024 * 1024, peakBytes: 200 * 1024 * 1024 })
  })

  test('a process that ended has none', () => {
    expect(memoryIn('Name:\tnode\nState:\tZ (zombie)\n')).toBeUndefined()
  })
})
