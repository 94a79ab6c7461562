import { expect, test } from 'vitest'
import { seededRandom } from '../../../base/random.ts'
import { FrameParser, matchProtocolHeader, PROTOCOL_HEADER_MISMATCH } from './frame.ts'
import { frameOf, hex, wireErrorOf } from './test-kit.ts'
import { WireError } from './wire-error.ts'

/** Notes every frame as text; `onFrame` lets a test act from inside the sink. */
class Recorder {
  readonly frames: string[] = []
  readonly parser = new FrameParser(this)
  onFrame: ((index: number) => void) | undefined

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    this.frames.push(`${type}/${channel}/${buffer.toString('latin1', start, end)}`)
    this.onFrame?.(this.frames.length - 1)
  }
}

const SAMPLE = Buffer.concat([
  frameOf(1, 1, Buffer.from('method')),
  frameOf(8, 0, Buffer.alloc(0)),
  frameOf(2, 65535, Buffer.from('h')),
  frameOf(3, 2, Buffer.from('a body of some length')),
  frameOf(3, 2, Buffer.alloc(0)),
])
const SAMPLE_FRAMES = ['1/1/method', '8/0/', '2/65535/h', '3/2/a body of some length', '3/2/']

test('protocol header: recognized whole, in pieces, and refused at the first wrong octet', () => {
  const header = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')
  expect(matchProtocolHeader(header, 0)).toBe(8)
  for (let cut = 0; cut <= 8; cut++) {
    const matched = matchProtocolHeader(header.subarray(0, cut), 0)
    expect(matched).toBe(cut)
    expect(matchProtocolHeader(Buffer.concat([header.subarray(cut), SAMPLE]), matched)).toBe(8)
  }
  expect(matchProtocolHeader(Buffer.from('GET / HTTP/1.1'), 0)).toBe(PROTOCOL_HEADER_MISMATCH)
  expect(matchProtocolHeader(hex('414d515000000900'), 0)).toBe(PROTOCOL_HEADER_MISMATCH)
  expect(matchProtocolHeader(Buffer.from('X'), 3)).toBe(PROTOCOL_HEADER_MISMATCH)
})

test('frames: whole in one chunk', () => {
  const recorder = new Recorder()
  recorder.parser.push(SAMPLE)
  expect(recorder.frames).toEqual(SAMPLE_FRAMES)
})

test('frames: cut in two at every position, and in three at every pair of positions', () => {
  for (let first = 0; first <= SAMPLE.length; first++) {
    for (let second = first; second <= SAMPLE.length; second++) {
      const recorder = new Recorder()
      recorder.parser.push(SAMPLE.subarray(0, first))
      recorder.parser.push(SAMPLE.subarray(first, second))
      recorder.parser.push(SAMPLE.subarray(second))
      expect(recorder.frames, `cut at ${first} and ${second}`).toEqual(SAMPLE_FRAMES)
    }
  }
})

test('frames: one octet at a time, out of a chunk that is overwritten behind each push', () => {
  const recorder = new Recorder()
  const chunk = Buffer.alloc(1)
  for (const octet of SAMPLE) {
    chunk[0] = octet
    recorder.parser.push(chunk)
    chunk[0] = 0xff
  }
  expect(recorder.frames).toEqual(SAMPLE_FRAMES)
})

test('frames: a whole frame is handed over in place, without a copy', () => {
  const seen: Buffer[] = []
  const parser = new FrameParser({ frame: (_type, _channel, buffer) => seen.push(buffer) })
  parser.push(SAMPLE)
  expect(seen.length).toBe(5)
  for (const buffer of seen) expect(buffer).toBe(SAMPLE)
})

test('frames: a large body in many frames and odd chunks comes through in linear time', () => {
  const payload = Buffer.alloc(131_064, 0x61)
  const frame = frameOf(3, 1, payload)
  const stream = Buffer.concat(Array.from({ length: 64 }, () => frame))
  let bodyBytes = 0
  const parser = new FrameParser({
    frame: (_type, _channel, buffer, start, end) => {
      bodyBytes += end - start
      if (buffer[start] !== 0x61 || buffer[end - 1] !== 0x61) throw new Error('wrong octets')
    },
  })
  for (let at = 0; at < stream.length; at += 65_521) parser.push(stream.subarray(at, at + 65_521))
  expect(bodyBytes).toBe(64 * payload.length)
})

test('pause: nothing is parsed until resume, and a paused parser keeps copies', () => {
  for (let pauseAt = 0; pauseAt < SAMPLE_FRAMES.length; pauseAt++) {
    for (let cut = 0; cut <= SAMPLE.length; cut++) {
      const recorder = new Recorder()
      recorder.onFrame = (index) => {
        if (index === pauseAt) recorder.parser.pause()
      }
      const chunk = Buffer.from(SAMPLE)
      recorder.parser.push(chunk.subarray(0, cut))
      recorder.parser.push(chunk.subarray(cut))
      chunk.fill(0xff)
      expect(recorder.frames).toEqual(SAMPLE_FRAMES.slice(0, pauseAt + 1))
      expect(recorder.parser.isPaused).toBe(true)
      recorder.parser.resume()
      expect(recorder.frames).toEqual(SAMPLE_FRAMES)
      expect(recorder.parser.keptBytes).toBe(0)
    }
  }
})

test('pause: at every frame, with chunks of every kind in between, keeps order', () => {
  const random = seededRandom(11)
  const recorder = new Recorder()
  recorder.onFrame = () => {
    if (random.below(3) === 0) recorder.parser.pause()
  }
  const expected: string[] = []
  for (let round = 0; round < 300; round++) {
    expected.push(...SAMPLE_FRAMES)
    for (let at = 0; at < SAMPLE.length; ) {
      const next = Math.min(SAMPLE.length, at + 1 + random.below(40))
      recorder.parser.push(SAMPLE.subarray(at, next))
      at = next
      if (random.below(2) === 0) recorder.parser.resume()
    }
  }
  while (recorder.parser.isPaused) recorder.parser.resume()
  expect(recorder.frames).toEqual(expected)
  expect(recorder.parser.keptBytes).toBe(0)
})

test('pause: keptBytes counts what waits', () => {
  const recorder = new Recorder()
  recorder.onFrame = () => recorder.parser.pause()
  recorder.parser.push(SAMPLE)
  expect(recorder.parser.keptBytes).toBe(SAMPLE.length - 14)
  recorder.parser.resume()
  expect(recorder.parser.keptBytes).toBe(SAMPLE.length - 14 - 8)
  recorder.parser.push(SAMPLE)
  expect(recorder.parser.keptBytes).toBe(2 * SAMPLE.length - 14 - 8)
})

test('re-entrancy: push and resume from inside the sink keep the order of the stream', () => {
  const recorder = new Recorder()
  recorder.onFrame = (index) => {
    recorder.parser.pause()
    recorder.parser.resume()
    if (index === 0) recorder.parser.push(SAMPLE)
  }
  recorder.parser.push(SAMPLE)
  expect(recorder.frames).toEqual([...SAMPLE_FRAMES, ...SAMPLE_FRAMES])
})

test('a sink that throws: the error comes out, and parsing goes on behind that frame', () => {
  for (let cut = 0; cut <= SAMPLE.length; cut++) {
    const recorder = new Recorder()
    let thrown = 0
    recorder.onFrame = (index) => {
      if (index === 1) throw new WireError(503, 'no')
    }
    for (const chunk of [SAMPLE.subarray(0, cut), SAMPLE.subarray(cut)]) {
      try {
        recorder.parser.push(chunk)
      } catch {
        thrown++
      }
    }
    recorder.parser.resume()
    expect(thrown).toBe(1)
    expect(recorder.frames).toEqual(SAMPLE_FRAMES)
  }
})

test('stop from inside the sink: nothing more is parsed, now or later', () => {
  const recorder = new Recorder()
  recorder.onFrame = () => recorder.parser.stop()
  recorder.parser.push(SAMPLE)
  recorder.parser.push(SAMPLE)
  recorder.parser.resume()
  expect(recorder.frames).toEqual(SAMPLE_FRAMES.slice(0, 1))
  expect(recorder.parser.keptBytes).toBe(0)
})

/** Frame, limit, code and text: the answers of RabbitMQ 3.10.8. */
const REFUSED: readonly [name: string, bytes: Buffer, frameMax: number, code: number, text: string][] = [
  [
    'a payload above the limit, refused from the header alone',
    hex('03 0001 00002328'),
    4096,
    501,
    'type 3, all octets = <<>>: {frame_too_large,9000,4088}',
  ],
  [
    'a size of 2^32-1',
    hex('01 0000 ffffffff'),
    131072,
    501,
    'type 1, all octets = <<>>: {frame_too_large,4294967295,131064}',
  ],
  [
    'a wrong end',
    hex('01 0001 00000004 0032000a cd'),
    4096,
    501,
    'type 1, all octets = <<0,50,0,10>>: {invalid_frame_end_marker,205}',
  ],
  ['an unknown type', hex('4d 0001 00000001 61 ce'), 4096, 501, 'type 77, all octets = <<"a">>: unknown_frame'],
  ['type 0', hex('00 0001 00000000 ce'), 4096, 501, 'type 0, all octets = <<>>: unknown_frame'],
  ['a heartbeat on a channel', hex('08 0001 00000000 ce'), 4096, 505, 'type 8, all octets = <<>>'],
  ['a heartbeat with a payload', hex('08 0000 00000001 00 ce'), 4096, 501, 'type 8, all octets = <<0>>: unknown_frame'],
  [
    'a long payload is shown by its beginning',
    frameOf(9, 0, Buffer.from('say "hi"\n and more')),
    4096,
    501,
    'type 9, first 16 octets = <<"say \\"hi\\"\\n and mo">>: unknown_frame',
  ],
]

test.each(REFUSED)('refused: %s', (_name, bytes, frameMax, code, text) => {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const recorder = new Recorder()
    recorder.parser.frameMax = frameMax
    const error = wireErrorOf(() => {
      recorder.parser.push(bytes.subarray(0, cut))
      recorder.parser.push(bytes.subarray(cut))
    })
    expect([error?.replyCode, error?.message, error?.classId, error?.methodId]).toEqual([code, text, 0, 0])
    expect(recorder.frames).toEqual([])
  }
})

test('a lost parser drops all input; one that only met an unknown type goes on', () => {
  const lost = new Recorder()
  expect(() => lost.parser.push(Buffer.concat([hex('01 0001 00000001 00 cd'), SAMPLE]))).toThrow(WireError)
  lost.parser.push(SAMPLE)
  lost.parser.resume()
  expect(lost.frames).toEqual([])

  const inStep = new Recorder()
  expect(() => inStep.parser.push(Buffer.concat([hex('4d 0001 00000001 61 ce'), SAMPLE]))).toThrow(WireError)
  inStep.parser.push(SAMPLE)
  expect(inStep.frames).toEqual([...SAMPLE_FRAMES, ...SAMPLE_FRAMES])
})

test('a payload of exactly frame_max is tolerated, one octet more is not', () => {
  const recorder = new Recorder()
  recorder.parser.frameMax = 4096
  recorder.parser.push(frameOf(3, 1, Buffer.alloc(4096)))
  expect(recorder.frames.length).toBe(1)
  expect(wireErrorOf(() => recorder.parser.push(frameOf(3, 1, Buffer.alloc(4097))))?.message).toContain(
    'frame_too_large,4097',
  )
})

test('an announced size costs nothing before its octets come', () => {
  const before = process.memoryUsage().arrayBuffers
  const parsers = Array.from({ length: 500 }, () => {
    const recorder = new Recorder()
    recorder.parser.push(hex('03 0001 00020000 61'))
    return recorder
  })
  const perParserBytes = (process.memoryUsage().arrayBuffers - before) / parsers.length
  expect(perParserBytes).toBeLessThan(1024)
})
