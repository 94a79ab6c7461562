import { expect, test } from 'vitest'
import { FrameParser } from './frame.ts'
import { KafkaWireError } from './kafka-wire-error.ts'
import { framed, wireErrorOf } from './test-kit.ts'

interface Seen {
  text: string
  isOwned: boolean
}

function collector(): { seen: Seen[]; parser: FrameParser } {
  const seen: Seen[] = []
  const parser = new FrameParser({
    frame: (buffer, start, end, isOwned) => {
      if (isOwned) expect([start, end]).toEqual([0, buffer.length])
      seen.push({ text: buffer.toString('latin1', start, end), isOwned })
    },
  })
  return { seen, parser }
}

const stream = Buffer.concat(['first', '', 'x', 'and the last one'].map((text) => framed(Buffer.from(text))))

test('frames: the same in any two pieces as at once', () => {
  const texts = ['first', '', 'x', 'and the last one']
  for (let cut = 0; cut <= stream.length; cut++) {
    const { seen, parser } = collector()
    parser.push(stream.subarray(0, cut))
    parser.push(stream.subarray(cut))
    expect(
      seen.map(({ text }) => text),
      `cut at ${cut}`,
    ).toEqual(texts)
    expect(parser.isInFrame).toBe(false)
  }
})

test('frames: byte by byte, and a frame that is cut is known', () => {
  const { seen, parser } = collector()
  for (const byte of stream.subarray(0, stream.length - 1)) parser.push(Buffer.of(byte))
  expect(seen).toHaveLength(3)
  expect(parser.isInFrame).toBe(true)
  parser.push(stream.subarray(stream.length - 1))
  expect(seen.at(-1)).toEqual({ text: 'and the last one', isOwned: true })
  expect(parser.isInFrame).toBe(false)
})

test('frames: one that lies whole in a chunk is borrowed, a split one belongs to the sink', () => {
  const frames: Buffer[] = []
  const parser = new FrameParser({
    frame: (buffer, start, end, isOwned) => frames.push(isOwned ? buffer : Buffer.from(buffer.subarray(start, end))),
  })
  const chunk = Buffer.concat([framed(Buffer.alloc(10, 'a')), framed(Buffer.alloc(200_000, 'b')).subarray(0, 100_000)])
  parser.push(chunk)
  const rest = Buffer.alloc(200_004 - 100_000, 'b')
  parser.push(rest)
  chunk.fill(0)
  rest.fill(0)
  expect(frames.map((frame) => frame.length)).toEqual([10, 200_000])
  expect(frames[1]!.equals(Buffer.alloc(200_000, 'b'))).toBe(true)
})

test('frames: a pause keeps the rest, resuming goes on where it stopped', () => {
  const seen: string[] = []
  const parser: FrameParser = new FrameParser({
    frame: (buffer, start, end) => {
      seen.push(buffer.toString('latin1', start, end))
      parser.pause()
    },
  })
  parser.push(stream)
  expect(seen).toEqual(['first'])
  expect(parser.keptBytes).toBe(stream.length - 9)
  parser.push(framed(Buffer.from('more')))
  parser.resume()
  parser.resume()
  parser.resume()
  expect(seen).toEqual(['first', '', 'x', 'and the last one'])
  parser.resume()
  expect(seen.at(-1)).toBe('more')
  expect(parser.keptBytes).toBe(0)
})

test('frames: a sink that throws loses only its frame', () => {
  const seen: string[] = []
  const parser = new FrameParser({
    frame: (buffer, start, end) => {
      const text = buffer.toString('latin1', start, end)
      if (text === 'x') throw new KafkaWireError('x')
      seen.push(text)
    },
  })
  expect(wireErrorOf(() => parser.push(stream))?.message).toBe('x')
  parser.resume()
  expect(seen).toEqual(['first', '', 'and the last one'])
})

test('frames: an impossible size ends it, before anything is stored', () => {
  for (const size of ['ffffffff', '80000000', '06400001', '7fffffff']) {
    const { seen, parser } = collector()
    const error = wireErrorOf(() => parser.push(Buffer.from(`${size}00`, 'hex')))
    expect(error?.message).toMatch(/^a request of -?\d+ bytes/)
    parser.push(stream)
    expect(seen).toEqual([])
  }
  const parser = new FrameParser({ frame: () => {} }, 20)
  expect(wireErrorOf(() => parser.push(framed(Buffer.alloc(21))))).toBeDefined()
})

test('frames: who announces much and sends little holds little', () => {
  const parsers = Array.from({ length: 200 }, () => collector().parser)
  const before = process.memoryUsage().arrayBuffers
  for (const parser of parsers) parser.push(Buffer.from('0640000000', 'hex'))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 70 * 1024)
})

test('frames: pushing from inside the sink waits for its turn', () => {
  const seen: string[] = []
  const parser: FrameParser = new FrameParser({
    frame: (buffer, start, end) => {
      seen.push(buffer.toString('latin1', start, end))
      if (seen.length === 1) parser.push(framed(Buffer.from('inner')))
    },
  })
  parser.push(stream)
  expect(seen).toEqual(['first', '', 'x', 'and the last one', 'inner'])
})
