import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { openStorage, type StorageOptions } from './open-storage.ts'

const options: StorageOptions = { durability: 'flush', clock: systemClock, logger: silentLogger }
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'busbar-open-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('open storage: the scheme chooses the engine', async () => {
  const memory = await openStorage('memory:', options)
  expect(memory.describe()).toMatchObject({ engine: 'memory', durable: false })
  expect(await memory.freeBytes()).toBeUndefined()
  await memory.close()
  for (const url of [`file:${directory}/a`, `file://${directory}/b`]) {
    const local = await openStorage(url, options)
    expect(local.describe()).toMatchObject({
      engine: 'local',
      durable: true,
      flushedBeforeAck: true,
      replicated: false,
    })
    expect(await local.freeBytes()).toBeGreaterThan(0)
    await local.close()
  }
  const relaxed = await openStorage(`file:${directory}/a`, { ...options, durability: 'os' })
  expect(relaxed.describe().flushedBeforeAck).toBe(false)
  await relaxed.close()
})

test('open storage: a URL nobody serves is refused with what would work', async () => {
  await expect(openStorage('ftp://host/x', options)).rejects.toThrow(
    '"ftp://host/x" names no storage: use memory: or file:DIRECTORY',
  )
  await expect(openStorage('./data', options)).rejects.toThrow(/names no storage/)
  await expect(openStorage('file:', options)).rejects.toThrow(/names no directory/)
  await expect(openStorage('memory:x', options)).rejects.toThrow(/takes nothing/)
})

test('open storage: a directory in use is refused, naming the process; a closed one is free', async () => {
  const first = await openStorage(`file:${directory}`, options)
  await expect(openStorage(`file:${directory}`, options)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringContaining(`in use by process ${process.pid}`),
  })
  await first.close()
  const second = await openStorage(`file:${directory}`, options)
  await second.close()
})

test('open storage: a newer format is refused, a missing or strange one is damage', async () => {
  const storage = await openStorage(`file:${directory}`, options)
  await storage.close()
  const path = join(directory, 'FORMAT')
  expect(readFileSync(path, 'latin1')).toBe('busbar 1\n')
  writeFileSync(path, 'busbar 2\n')
  await expect(openStorage(`file:${directory}`, options)).rejects.toMatchObject({
    code: 'newer-format',
    message: expect.stringMatching(/has format 2, but this version reads formats up to 1/),
  })
  writeFileSync(path, 'something else\n')
  await expect(openStorage(`file:${directory}`, options)).rejects.toMatchObject({ code: 'damaged' })
  rmSync(path)
  await expect(openStorage(`file:${directory}`, options)).rejects.toMatchObject({ code: 'damaged' })
})

test('open storage: a path that cannot be a directory is unwritable', async () => {
  writeFileSync(join(directory, 'file'), '')
  await expect(openStorage(`file:${directory}/file`, options)).rejects.toMatchObject({ code: 'unwritable' })
  await expect(openStorage(`file:${directory}/file/below`, options)).rejects.toMatchObject({ code: 'unwritable' })
})

test('open storage: after a failed opening the directory is free again', async () => {
  writeFileSync(join(directory, 'meta.log'), 'no metadata')
  writeFileSync(join(directory, 'FORMAT'), 'busbar 1\n')
  await expect(openStorage(`file:${directory}`, options)).rejects.toMatchObject({ code: 'damaged' })
  rmSync(join(directory, 'meta.log'))
  const storage = await openStorage(`file:${directory}`, options)
  await storage.close()
})
