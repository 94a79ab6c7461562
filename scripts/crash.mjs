/**
 * Long crash runs by hand: hundreds of kills, ten thousand idle connections. `npm test` has the short ones. The work is
 * done by test/support/crash/by-hand.ts; here it is only bundled, because older Node does not run TypeScript.
 *
 *     node scripts/crash.mjs --help
 */
import { join } from 'node:path'
import { ensureInstalled, root, runNode } from './support/run.mjs'

ensureInstalled()
const { build } = await import('./support/bundle.mjs')
await build()
const { buildSync } = await import('esbuild')
// As deep as its source, so that what it finds relative to itself is found.
const program = join(root, 'node_modules', '.cache', 'crash', 'by-hand.mjs')
buildSync({
  entryPoints: [join(root, 'test/support/crash/by-hand.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
})
const { code } = await runNode([program, ...process.argv.slice(2)], { inherit: true, timeoutMs: 24 * 3_600_000 })
process.exitCode = code
