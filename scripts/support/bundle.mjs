/**
 * Bundles the command into one file, dist/busbar.mjs: one file starts in half the time of many, and what is published
 * has no dependencies to install. Native packages stay outside and optional: the code carries on without them.
 */
import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

/** Packages written for `require` still call it; an ES module has none of its own. */
const banner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

export async function build() {
  const esbuild = await import('esbuild')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  mkdirSync(join(root, 'dist'), { recursive: true })
  // Built aside and renamed, so that a broker started meanwhile never reads half a file.
  const scratch = join(root, 'dist', `busbar.${process.pid}.mjs`)
  esbuild.buildSync({
    entryPoints: [join(root, 'src/cli/main.ts')],
    outfile: scratch,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    external: ['@node-rs/crc32'],
    define: { 'process.env.BUSBAR_BUILD_VERSION': JSON.stringify(version) },
    banner: { js: banner },
    logLevel: 'warning',
  })
  renameSync(scratch, join(root, 'dist', 'busbar.mjs'))
}
