/**
 * Bundles the command into one file, dist/busbar.mjs: one file starts in half the time of many, and what is published
 * has no dependencies to install. Native packages stay outside and optional: the code carries on without them. Not
 * minified: that would save no start-up time, and a stack trace should name lines that can be read.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

/** Packages written for `require` still call it; an ES module has none of its own. */
const banner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

export async function build() {
  const esbuild = await import('esbuild')
  mkdirSync(join(root, 'dist'), { recursive: true })
  // Built aside and renamed, so that a broker started meanwhile never reads half a file.
  const scratch = join(root, 'dist', `busbar.${process.pid}.mjs`)
  const { metafile } = esbuild.buildSync({
    entryPoints: [join(root, 'src/cli/main.ts')],
    outfile: scratch,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    legalComments: 'none',
    external: ['@node-rs/crc32'],
    metafile: true,
    banner: { js: banner },
    logLevel: 'warning',
  })
  // Its helper process would outlive the build, as long as `npm start` runs.
  await esbuild.stop()
  renameSync(scratch, join(root, 'dist', 'busbar.mjs'))
  writeFileSync(join(root, 'dist', 'licenses.txt'), licensesOf(Object.keys(metafile.inputs)))
}

/** What is bundled stays under its own licence, whose text has to come along. */
function licensesOf(inputs) {
  const folders = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []))
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
      const text = file === undefined ? '' : readFileSync(join(root, folder, file), 'utf8').trim()
      return `${name} ${version} (${license})\n\n${text}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
