/**
 * Throws mutated inputs at every decoder: nothing but a WireError may come out, nothing may hang, and nothing may hold
 * more than a small multiple of its input. Seeded, so that a failure repeats: the message names seed and iteration.
 * BUSBAR_FUZZ_COUNT sets the iterations (default 20,000), BUSBAR_FUZZ_SEED another seed.
 */
import { expect, test } from 'vitest'
import type { FieldTable, FieldValue } from '../../../base/field-value.ts'
import type { Random } from '../../../base/random.ts'
import { seededRandom } from '../../../base/random.ts'
import { readText, readValidText } from '../../../base/text.ts'
import { checkTable, FieldPosition, findHeader } from './field-scan.ts'
import { decodeTable, encodeTable } from './field-table.ts'
import { FrameParser } from './frame.ts'
import {
  ContentHeader,
  PublishArguments,
  readAck,
  readContentHeader,
  readMethodNumber,
  readNack,
  readPublish,
  readReject,
  SettleArguments,
} from './hot-methods.ts'
import type { Method, MethodKind } from './method-schema.ts'
import { methodSchemas } from './method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from './methods.ts'
import { decodeProperties, editProperties, encodeProperties } from './properties.ts'
import { PropertyScan, scanProperties } from './property-scan.ts'
import { frameOf, wireErrorOf } from './test-kit.ts'

const COUNT = Number(process.env['BUSBAR_FUZZ_COUNT'] ?? 20_000)
const SEED = Number(process.env['BUSBAR_FUZZ_SEED'] ?? 20_251)
const TIMEOUT_MS = 60_000 + COUNT

const fields: FieldTable = new Map<string, FieldValue>([
  ['x-match', { type: 'S', value: 'all' }],
  ['CC', { type: 'A', value: [{ type: 'S', value: 'a' }, { type: 'V' }] }],
  ['n', { type: 'F', value: new Map<string, FieldValue>([['x-delay', { type: 'l', value: 2n ** 60n }]]) }],
  ['bytes', { type: 'x', value: Buffer.from([0xff, 0]) }],
  ['d', { type: 'd', value: Number.NaN }],
  ['D', { type: 'D', scale: 2, value: 7 }],
  ['T', { type: 'T', value: 1 }],
])

const rawTable = encodeTable(fields).subarray(4)
const rawProperties = encodeProperties({
  contentType: 'text/plain',
  headers: fields,
  deliveryMode: 2,
  replyTo: 'amq.rabbitmq.reply-to',
  expiration: '5000',
  timestamp: 1,
  userId: 'guest',
})

/** Every method with all tables and texts filled, as a payload. */
const payloads = (Object.keys(methodSchemas) as MethodKind[]).map((kind) => {
  const given = Object.entries(methodSchemas[kind].arguments).flatMap(([name, type]) => {
    if (type === 'table') return [[name, fields]]
    return type === 'shortstr' ? [[name, 'some.name']] : []
  })
  // Of all kinds at once the compiler cannot follow that this is a method; the schema it is made from says so.
  const frame = encodeMethod(1, makeMethod(kind, Object.fromEntries(given)) as Method)
  return frame.subarray(7, frame.length - 1)
})

const contentHeader = Buffer.concat([Buffer.from('003c00000000000000000005', 'hex'), rawProperties])

/** Lengths and letters that have hurt decoders before. */
const TELLING = [
  'ffffffff',
  '7fffffff',
  '80000000',
  '00000000',
  'ff',
  '00',
  '46',
  '41',
  '5a',
  '53',
  'efbfbd',
  'c3',
].map((digits) => Buffer.from(digits, 'hex'))

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
      expect(takenCount).toBeGreaterThan(count / 100)
      expect(takenCount).toBeLessThan(count - count / 100)
    },
    TIMEOUT_MS,
  )
}

fuzz('methods', COUNT, (random, index) => {
  const bytes = mutated(payloads[index % payloads.length]!, random)
  const error = wireErrorOf(() => {
    const method = decodeMethod(bytes, 0, bytes.length)
    // What was taken for good can be sent on.
    const frame = encodeMethod(1, method)
    expect(decodeMethod(frame, 7, frame.length - 1)).toEqual(method)
  })
  return error === undefined
})

const found = new FieldPosition()
const key = Buffer.from('CC')

fuzz('field tables: checker and decoder agree', COUNT, (random) => {
  const bytes = mutated(rawTable, random)
  const checked = wireErrorOf(() => checkTable(bytes, 0, bytes.length))
  const decoded = wireErrorOf(() => {
    const table = decodeTable(bytes, 0, bytes.length)
    const again = encodeTable(table).subarray(4)
    expect([...decodeTable(again, 0, again.length)]).toEqual([...table])
    if (findHeader(bytes, 0, bytes.length, key, found)) expect(table.get('CC')?.type.charCodeAt(0)).toBe(found.type)
    else expect(table.has('CC')).toBe(false)
  })
  expect(decoded === undefined).toBe(checked === undefined)
  wireErrorOf(() => findHeader(bytes, 0, bytes.length, key, found))
  return decoded === undefined
})

const scan = new PropertyScan()

/** A start of -1 says that there is nothing, and nothing of its end. */
function expectInside(start: number, end: number, bytes: Buffer): void {
  if (start === -1) return
  expect(start).toBeLessThanOrEqual(end)
  expect(end).toBeLessThanOrEqual(bytes.length)
}

fuzz('properties: scanner, decoder and editor agree', COUNT, (random) => {
  const bytes = mutated(rawProperties, random)
  const scanned = wireErrorOf(() => scanProperties(bytes, 0, bytes.length, scan))
  if (scanned === undefined) {
    expectInside(scan.headersStart, scan.headersEnd, bytes)
    expectInside(scan.replyToStart, scan.replyToEnd, bytes)
    expectInside(scan.expirationStart, scan.expirationEnd, bytes)
    expectInside(scan.userIdStart, scan.userIdEnd, bytes)
    expect(editProperties(bytes, {})).toEqual(bytes)
  } else expect(wireErrorOf(() => editProperties(bytes, {}))).toBeDefined()
  const decoded = wireErrorOf(() => {
    const properties = decodeProperties(bytes, 0, bytes.length)
    expect(decodeProperties(encodeProperties(properties), 0, encodeProperties(properties).length)).toEqual(properties)
  })
  if (scanned !== undefined) expect(decoded).toBeDefined()
  return decoded === undefined
})

const publish = new PublishArguments()
const settle = new SettleArguments()
const header = new ContentHeader()
const hotPayloads = payloads.filter((payload) => payload.readUInt16BE(0) === 60)

fuzz('hot readers accept what the table of methods accepts', COUNT, (random, index) => {
  const original = hotPayloads[index % hotPayloads.length]!
  const bytes = Buffer.concat([original.subarray(0, 4), mutated(original.subarray(4), random)])
  const hot = wireErrorOf(() => {
    switch (readMethodNumber(bytes, 0, bytes.length) & 0xffff) {
      case 40:
        return readPublish(bytes, 0, bytes.length, publish)
      case 80:
        return readAck(bytes, 0, bytes.length, settle)
      case 90:
        return readReject(bytes, 0, bytes.length, settle)
      case 120:
        return readNack(bytes, 0, bytes.length, settle)
      default:
        decodeMethod(bytes, 0, bytes.length)
    }
  })
  expect(hot?.message).toBe(wireErrorOf(() => decodeMethod(bytes, 0, bytes.length))?.message)
  const content = mutated(contentHeader, random)
  wireErrorOf(() => readContentHeader(content, 0, content.length, header))
  return hot === undefined
})

fuzz('text', COUNT, (random) => {
  const bytes = mutated(Buffer.from('žluťoučký kůň 🐎 \uFFFD plain'), random)
  const valid = readValidText(bytes, 0, bytes.length)
  const text = readText(bytes, 0, bytes.length)
  if (valid === undefined) expect(text).toMatch(/[\uDC80-\uDCFF]/u)
  else expect(text).toBe(valid)
  return valid !== undefined
})

const stream = Buffer.concat([
  ...payloads.slice(0, 20).map((payload) => frameOf(1, 1, payload)),
  frameOf(8, 0, Buffer.alloc(0)),
  frameOf(2, 1, contentHeader),
  frameOf(3, 1, Buffer.alloc(500, 0x61)),
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
    const next = at + 1 + random.below(200)
    pieces.push(bytes.subarray(at, next))
    at = next
  }
  return pieces
}

fuzz('frames: the same in any pieces and with pauses as at once', Math.ceil(COUNT / 10), (random) => {
  const bytes = mutated(stream, random)
  const frames: [atOnce: string[], inPieces: string[]] = [[], []]
  const parsers = frames.map((into) => {
    const parser: FrameParser = new FrameParser({
      frame: (type, channel, buffer, start, end) => {
        into.push(`${type}/${channel}/${buffer.toString('latin1', start, end)}`)
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

test('decoding holds no more than a small multiple of its input', () => {
  const smallest: readonly [name: string, unit: Buffer][] = [
    ['voids', Buffer.from('V')],
    ['bools', Buffer.from('t\x01')],
    ['octets', Buffer.from('b\x01')],
    ['empty strings', Buffer.from('S\0\0\0\0')],
    ['empty tables', Buffer.from('F\0\0\0\0')],
    ['empty arrays', Buffer.from('A\0\0\0\0')],
    ['empty bytes', Buffer.from('x\0\0\0\0')],
    ['tables of one void', Buffer.from('F\0\0\0\x02\0V')],
  ]
  for (const [name, unit] of smallest) {
    const items = Buffer.concat(Array.from({ length: Math.floor(100_000 / unit.length) }, () => unit))
    const head = Buffer.from('\x01aA\0\0\0\0', 'latin1')
    head.writeUInt32BE(items.length, 3)
    const bytes = Buffer.concat([head, items])
    const before = process.memoryUsage()
    const table = decodeTable(bytes, 0, bytes.length)
    const after = process.memoryUsage()
    const heldBytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
    expect(table.size).toBe(1)
    // A collection in between can only make the figure smaller.
    expect(heldBytes / bytes.length, name).toBeLessThan(64)
  }
})
