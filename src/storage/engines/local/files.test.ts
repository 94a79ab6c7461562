import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { nodeFiles } from './files.ts'

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'busbar-files-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

test('files: a directory is made with its parents, and again without harm', async () => {
  const deep = join(await emptyDirectory(), 'a', 'b', 'c')
  await Promise.all([nodeFiles.makeDirectory(deep), nodeFiles.makeDirectory(deep)])
  await nodeFiles.makeDirectory(deep)
  expect(existsSync(deep)).toBe(true)
})

test('files: where no directory can be made it says so, and does not try for ever', async () => {
  const file = join(await emptyDirectory(), 'file')
  await writeFile(file, '')
  await expect(nodeFiles.makeDirectory(join(file, 'below'))).rejects.toMatchObject({ syscall: 'mkdir' })
  if (existsSync('/proc/self')) {
    await expect(nodeFiles.makeDirectory('/proc/busbar')).rejects.toMatchObject({ syscall: 'mkdir' })
  }
})
