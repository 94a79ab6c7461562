/**
 * `npm start` on a fresh clone: installs what is missing, builds, and becomes `busbar serve` with its data in ./data.
 * Further arguments are passed on: `npm start -- --listen amqp://0.0.0.0:5672`.
 *
 * The broker runs in this very process, so signals and the exit code need no passing on. For the same reason package.json
 * says `exec node`: npm hands its signals to a shell, and a shell that waits for node dies without telling it.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled, root } from './support/run.mjs'

ensureInstalled()
const { build } = await import('./support/bundle.mjs')
await build()

const launcher = join(root, 'bin', 'busbar')
process.argv = [process.execPath, launcher, 'serve', ...process.argv.slice(2)]
await import(pathToFileURL(join(root, 'dist', 'busbar.mjs')).href)
