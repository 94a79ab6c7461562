/** What is published: one small package that runs without anything being installed beside it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'busbar-package-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('package: is under 3 MB, has nothing to install or run at install, and runs on its own', () => {
  // The build has just been made by whoever runs this suite: no script has to make it again.
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root })
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>
  const archive = join(folder, `${name}-${version}.tgz`)
  expect(statSync(archive).size).toBeLessThan(3_000_000)
  execFileSync('tar', ['-xzf', archive, '-C', folder])

  const inside = join(folder, 'package')
  const manifest = JSON.parse(readFileSync(join(inside, 'package.json'), 'utf8')) as Record<string, object | undefined>
  expect(manifest['dependencies']).toBeUndefined()
  expect(Object.keys(manifest['scripts'] ?? {}).filter((script) => /install|^prepare$/.test(script))).toEqual([])
  const printed = execFileSync(process.execPath, [join(inside, 'bin', 'busbar'), '--version'], { cwd: folder })
  expect(String(printed)).toBe(`${version}\n`)
})
