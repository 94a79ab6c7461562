/** Golden bytes: whoever changes one of these changes the format, and must raise its version. */
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../../base/crc32c.ts'
import { EntryKind } from '../../contract.ts'
import type { OpenFile } from './files.ts'
import {
  FLAG_RECYCLED,
  GROUP_HEADER_BYTES,
  JOURNAL_MAGIC,
  META_MAGIC,
  makeFileHeader,
  readFileHeader,
  readGroupHeader,
  StoredKind,
} from './format.ts'
import { ChunkPool, Group } from './group.ts'
import { makeRunFooter, Run, readRun } from './run.ts'

const hex = (bytes: Buffer): string => bytes.toString('hex')
const spaced = (text: string): string => text.replace(/\s+/g, '')

test("format: kinds are the contract's, and never renumbered", () => {
  expect(StoredKind).toMatchObject(EntryKind)
  expect(StoredKind).toEqual({
    record: 0,
    control: 1,
    snapshot: 2,
    endLog: 3,
    metaPut: 4,
    metaDelete: 5,
    metaRevision: 6,
  })
})

describe('format: file header', () => {
  const golden = spaced('6275736261722d6a 01000000 efbeadde 0700000001000000 01000000 3d5672b4')

  test('has these bytes', () => {
    const bytes = makeFileHeader(JOURNAL_MAGIC, { salt: 0xdeadbeef, number: 2 ** 32 + 7, flags: FLAG_RECYCLED })
    expect(hex(bytes)).toBe(golden)
    expect(readFileHeader(JOURNAL_MAGIC, bytes, 'f')).toEqual({ salt: 0xdeadbeef, number: 2 ** 32 + 7, flags: 1 })
  })

  test('changed, cut, of another kind or newer, is refused', () => {
    const bytes = Buffer.from(golden, 'hex')
    for (let at = 0; at < bytes.length; at++) {
      expect(() => readFileHeader(JOURNAL_MAGIC, bytes.subarray(0, at), 'f')).toThrow(/f is damaged at byte 0/)
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 4
      expect(() => readFileHeader(JOURNAL_MAGIC, changed, 'f')).toThrow(/f is damaged at byte 0/)
    }
    expect(() => readFileHeader(META_MAGIC, bytes, 'f')).toThrow(/not one of our files/)
    const newer = Buffer.from(bytes)
    newer.writeUInt32LE(2, 8)
    newer.writeUInt32LE(crc32c(newer, 0, 28), 28)
    expect(() => readFileHeader(JOURNAL_MAGIC, newer, 'f')).toThrow(expect.objectContaining({ code: 'newer-format' }))
  })
})

describe('format: group', () => {
  function makeGroup(referenceBytesMin: number): Buffer {
    const group = new Group(new ChunkPool(), 32, referenceBytesMin)
    const places = [
      group.add(EntryKind.record, 5, 2 ** 40 + 3, 2, Buffer.from('hello')),
      group.add(EntryKind.control, 2 ** 33 + 1, 0, 0, Buffer.alloc(0)),
      group.add(StoredKind.endLog, 5, 0, 0, Buffer.alloc(0)),
    ]
    expect(places).toEqual([32 + 48, 32 + 48 + 33, 32 + 48 + 33 + 28])
    const bytes = Buffer.concat(group.seal(0x01020304, 9, 8))
    expect(bytes.length).toBe(group.sizeBytes)
    return bytes
  }

  const golden = spaced(`
    4f6b0815 b56772700d0a1ae5 03000000 5900000000000000 0900000000000000 0800000000000000 08dc17f5 00000000
    084b7dcf 05000000 02000000 0500000000000000 03000000000100 00 68656c6c6f
    73ca7fe6 00000000 00000000 0100000002000000 00000000000000 01
    0fbea3a3 00000000 00000000 0500000000000000 00000000000000 03`)

  test('has these bytes, copied or by reference', () => {
    expect(hex(makeGroup(1024))).toBe(golden)
    expect(hex(makeGroup(4))).toBe(golden)
  })

  test('its header is accepted only with the salt of its file and unchanged', () => {
    const bytes = Buffer.from(golden, 'hex')
    expect(readGroupHeader(bytes, 0, 0x01020304)).toEqual({
      count: 3,
      bytes: bytes.length - GROUP_HEADER_BYTES,
      sequence: 9,
      flushedSequence: 8,
      entriesCrc: 0xf517dc08,
    })
    expect(readGroupHeader(bytes, 0, 0x01020305)).toBeUndefined()
    for (let at = 0; at < GROUP_HEADER_BYTES; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      expect(readGroupHeader(changed, 0, 0x01020304)).toBeUndefined()
      expect(readGroupHeader(bytes.subarray(0, at), 0, 0x01020304)).toBeUndefined()
    }
  })

  test('larger than a chunk, keeps its entries in order and whole', () => {
    const group = new Group(new ChunkPool(), 0, 32 * 1024)
    const sizes = [0, 1, 24, 25, 319, 320, 5000, 32_767, 32_768, 300_000]
    const expected: Buffer[] = []
    for (let round = 0; round < 30; round++) {
      for (const size of sizes) {
        const payload = Buffer.alloc(size, round * 7 + size)
        group.add(EntryKind.record, 1, expected.length, 1, payload)
        expected.push(payload)
      }
    }
    const bytes = Buffer.concat(group.seal(0, 1, 0))
    let at = GROUP_HEADER_BYTES
    for (const payload of expected) {
      expect(bytes.readUInt32LE(at + 4)).toBe(payload.length)
      expect(bytes.readUInt32LE(at)).toBe(crc32c(bytes, at + 4, at + 28 + payload.length))
      expect(bytes.subarray(at + 28, at + 28 + payload.length).equals(payload)).toBe(true)
      at += 28 + payload.length
    }
    expect(at).toBe(bytes.length)
  })
})

describe('format: run', () => {
  const place = {
    log: 3,
    firstOffset: 10,
    endOffset: 20,
    offsetCount: 9,
    recordCount: 4,
    position: 32,
    bytes: 200,
    indexPosition: 232,
    indexBytes: 0,
    indexCrc: 0,
  }
  const golden = spaced(`
    0300000000000000 0a00000000000000 1400000000000000 0900000000000000 2000000000000000 c800000000000000
    e800000000000000 00000000 00000000 04000000 00000000
    0200000000000000
    6275736261722d72 e800000000000000 01000000 01000000 0500000000000000 d8eb7a64 e4fd6419`)

  test('its table and trailer have these bytes', () => {
    expect(hex(makeRunFooter(232, [place], 5, [2]))).toBe(golden)
  })

  test('is read back, and refused with any byte of its head or tail changed', async () => {
    const head = makeFileHeader(Buffer.from('busbar-r'), { salt: 0, number: 8, flags: 0 })
    const whole = Buffer.concat([head, Buffer.alloc(200), Buffer.from(golden, 'hex')])
    const open = async (bytes: Buffer): Promise<Run> => {
      const run = new Run(8, 'r', () => {})
      await readRun(run, fileOf(bytes))
      return run
    }
    const run = await open(whole)
    expect(run.extents).toEqual([expect.objectContaining({ ...place, liveOffsets: 9, dead: false })])
    expect([run.sourceSegment, run.replaces]).toEqual([5, [2]])
    for (let at = 0; at < whole.length; at++) {
      if (at >= 32 && at < 232) continue
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] as number) ^ 0x20
      await expect(open(changed)).rejects.toMatchObject({ code: 'damaged' })
    }
    for (let size = 0; size < whole.length; size++) {
      await expect(open(whole.subarray(0, size))).rejects.toMatchObject({ code: 'damaged' })
    }
  })
})

function fileOf(bytes: Buffer): OpenFile {
  const unused = async (): Promise<never> => {
    throw new Error('only read here')
  }
  return {
    path: 'r',
    read: async (into, position) => bytes.copy(into, 0, position),
    sizeBytes: async () => bytes.length,
    write: unused,
    flush: unused,
    truncate: unused,
    close: async () => {},
  }
}
