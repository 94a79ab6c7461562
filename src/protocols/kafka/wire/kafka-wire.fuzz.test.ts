/**
 * Throws mutated inputs at every decoder: nothing but a KafkaWireError may come out, nothing may hang, and nothing may
 * hold more than a small multiple of its input. Seeded, so that a failure repeats: the message names seed and iteration.
 * BUSBAR_FUZZ_COUNT sets the iterations (default 20,000), BUSBAR_FUZZ_SEED another seed.
 */
import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../../base/random.ts'
import { keepRecords, openRecords, readMarker } from './batch-writer.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  RequestHeader,
  readRequestHeader,
  readResponseHeader,
} from './codec.ts'
import { decompress } from './compression.ts'
import { FrameParser } from './frame.ts'
import { goldenBatches } from './golden-batches.test-kit.ts'
import { goldenCompressed } from './golden-compressed.test-kit.ts'
import { goldenMessages } from './golden-messages.test-kit.ts'
import { BatchHeader, readBatchHeader, sealBatch } from './record-batch.ts'
import { API, apiSchemas } from './schemas/apis.gen.ts'
import { framed, hex, wireErrorOf } from './test-kit.ts'

const COUNT = Number(process.env['BUSBAR_FUZZ_COUNT'] ?? 20_000)
const SEED = Number(process.env['BUSBAR_FUZZ_SEED'] ?? 9_092)
const TIMEOUT_MS = 60_000 + COUNT
const MIB = 1024 * 1024

/** Lengths and varints that have hurt decoders before. */
const TELLING = [
  'ffffffff',
  '7fffffff',
  '80000000',
  '00000000',
  'ff',
  '00',
  '01',
  'ffffffff0f',
  '8000',
  'ffffffff7f',
].map(hex)

function mutated(original: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(original)
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(bytes.length + 1)
    switch (random.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.below(256)
        break
      case 1:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8)
        break
      case 2:
        bytes = bytes.subarray(0, at)
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)])
        break
      case 4: {
        const other = random.below(bytes.length + 1)
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(other, at))])
        break
      }
      default:
        TELLING[random.below(TELLING.length)]!.copy(bytes, at)
    }
  }
  // Exactly as long as its content, so that a read beyond the end finds nothing and shows.
  return Buffer.from(bytes)
}

/**
 * Runs `attempt` for every iteration and says which one failed. It answers whether the input was taken: both kinds must
 * come up, or the mutations test nothing.
 */
function fuzz(name: string, count: number, attempt: (random: Random, index: number) => boolean): void {
  test(
    `fuzz: ${name}`,
    () => {
      const random = seededRandom(SEED)
      let takenCount = 0
      for (let index = 0; index < count; index++) {
        try {
          if (attempt(random, index)) takenCount++
        } catch (error) {
          throw new Error(`seed ${SEED}, iteration ${index}: ${String(error)}`, { cause: error })
        }
      }
      expect(takenCount).toBeGreaterThan(count / 200)
      expect(takenCount).toBeLessThan(count - count / 200)
    },
    TIMEOUT_MS,
  )
}

/** Any key will do for the types: which API it is is known only here. */
const keyOf = (name: string): typeof API.Fetch =>
  apiSchemas.find((schema) => schema.name === name)!.key as typeof API.Fetch

const messages = goldenMessages
  .trim()
  .split('\n')
  .map((line) => {
    const [name, side, versions, digits] = line.split(' ')
    return {
      key: keyOf(name!),
      isRequest: side === 'request',
      version: Number.parseInt(versions!, 10),
      bytes: hex(digits!),
    }
  })

fuzz('requests and responses', COUNT, (random, index) => {
  const { key, isRequest, version, bytes: original } = messages[index % messages.length]!
  const bytes = mutated(original, random)
  const error = wireErrorOf(() => {
    // What was taken for good can be sent on, and is the same when it comes back.
    if (isRequest) {
      const request = decodeRequest(key, version, bytes, 0, bytes.length)
      const frame = Buffer.concat(encodeRequest(key, version, 1, null, request))
      const header = new RequestHeader()
      readRequestHeader(frame, 4, frame.length, header)
      expect(decodeRequest(key, version, frame, header.bodyStart, frame.length)).toEqual(request)
      return
    }
    const response = decodeResponse(key, version, bytes, 0, bytes.length)
    const frame = Buffer.concat(encodeResponse(key, version, 1, response))
    const { bodyStart } = readResponseHeader(key, version, frame, 4, frame.length)
    expect(decodeResponse(key, version, frame, bodyStart, frame.length)).toEqual(response)
  })
  return error === undefined
})

const requestFrames = messages.flatMap(({ key, isRequest, version, bytes }) =>
  isRequest
    ? [Buffer.concat(encodeRequest(key, version, 7, 'client', decodeRequest(key, version, bytes, 0, bytes.length)))]
    : [],
)
const requestHeader = new RequestHeader()

fuzz('request headers with their bodies', COUNT, (random, index) => {
  const frame = requestFrames[index % requestFrames.length]!
  const bytes = mutated(frame.subarray(4), random)
  const error = wireErrorOf(() => {
    readRequestHeader(bytes, 0, bytes.length, requestHeader)
    expect(requestHeader.bodyStart).toBeLessThanOrEqual(bytes.length)
    const { apiKey, apiVersion, bodyStart, isKnown } = requestHeader
    if (isKnown) decodeRequest(apiKey, apiVersion, bytes, bodyStart, bytes.length)
  })
  return error === undefined && requestHeader.isKnown
})

const batches = Object.values(goldenBatches).map(hex)
const batchHeader = new BatchHeader()

fuzz('record batches', Math.ceil(COUNT / 4), (random, index) => {
  const bytes = mutated(batches[index % batches.length]!, random)
  if (readBatchHeader(bytes, 0, bytes.length, batchHeader) !== undefined) return false
  expect(batchHeader.end).toBeLessThanOrEqual(bytes.length)
  sealBatch(bytes, 0, batchHeader.end)
  const error = wireErrorOf(() => {
    const reader = openRecords(bytes, batchHeader, MIB)
    let readCount = 0
    while (reader.next()) {
      readCount++
      expect(reader.headers()).toHaveLength(reader.headerCount)
      expect(reader.recordEnd).toBeLessThanOrEqual(reader.buffer.length)
    }
    expect(readCount).toBe(batchHeader.recordsCount)
  })
  if (batchHeader.isControl) wireErrorOf(() => readMarker(bytes, batchHeader))
  const kept = wireErrorOf(() => {
    const all = keepRecords(bytes, batchHeader, MIB, () => true)
    expect(all === undefined).toBe(batchHeader.recordsCount === 0)
  })
  expect(kept?.message).toBe(error?.message)
  return error === undefined
})

const packedTexts = goldenCompressed.filter(({ isLong }) => !isLong)

fuzz('compressed bytes', Math.ceil(COUNT / 8), (random, index) => {
  const { compression, packed } = packedTexts[index % packedTexts.length]!
  const bytes = mutated(hex(packed), random)
  const error = wireErrorOf(() => {
    expect(decompress(compression, bytes, 4096).length).toBeLessThanOrEqual(4096)
  })
  return error === undefined
})

const stream = Buffer.concat([
  ...requestFrames.slice(0, 20),
  framed(Buffer.alloc(70_000, 'p')),
  framed(Buffer.alloc(0)),
])

/** Feeds all pieces, resuming until nothing waits, and returns what was thrown on the way. */
function parseAll(parser: FrameParser, pieces: readonly Buffer[]): string[] {
  const errors: string[] = []
  const note = (act: () => void): void => {
    const error = wireErrorOf(act)
    if (error !== undefined) errors.push(error.message)
  }
  for (const piece of pieces) note(() => parser.push(piece))
  while (parser.isPaused || parser.keptBytes > 0) note(() => parser.resume())
  return errors
}

function piecesOf(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const next = at + 1 + random.below(random.below(8) === 0 ? 30_000 : 100)
    pieces.push(Buffer.from(bytes.subarray(at, next)))
    at = next
  }
  return pieces
}

fuzz('frames: the same in any pieces and with pauses as at once', Math.ceil(COUNT / 50), (random) => {
  const bytes = mutated(stream, random)
  const frames: [atOnce: string[], inPieces: string[]] = [[], []]
  const parsers = frames.map((into) => {
    const parser: FrameParser = new FrameParser({
      frame: (buffer, start, end) => {
        into.push(buffer.toString('latin1', start, end))
        if (into === frames[1] && random.below(8) === 0) parser.pause()
      },
    })
    return parser
  })
  const errors = parseAll(parsers[0]!, [bytes])
  expect(parseAll(parsers[1]!, piecesOf(bytes, random))).toEqual(errors)
  expect(frames[1]).toEqual(frames[0])
  return errors.length === 0
})

/** Requests whose bytes are all used for the smallest elements there are. */
const SMALLEST: readonly [name: string, key: number, version: number, head: string, element: string][] = [
  ['topic names', API.Metadata, 1, '', '0000'],
  ['topics without partitions', API.Produce, 3, 'ffff 0001 00000000', '0000 00000000'],
  ['partition numbers', API.OffsetFetch, 1, '0000 00000001 0000', '00000000'],
  ['group names', API.DescribeGroups, 0, '', '0000'],
]

test.each(SMALLEST)(
  'decoding %s holds no more than a small multiple of the bytes',
  (_, key, version, head, element) => {
    const count = Math.floor(1_000_000 / hex(element).length)
    const countBytes = Buffer.alloc(4)
    countBytes.writeInt32BE(count)
    const elements = Array.from({ length: count }, () => hex(element))
    const bytes = Buffer.concat([hex(head), countBytes, ...elements])
    const before = process.memoryUsage().heapUsed
    const request = decodeRequest(key, version, bytes, 0, bytes.length)
    // A collection in between can only make the figure smaller.
    const heldBytes = process.memoryUsage().heapUsed - before
    expect(request).toBeDefined()
    expect(heldBytes / bytes.length).toBeLessThan(64)
  },
)
