/**
 * `npm run bench`: builds busbar and the bench, and runs it. Everything after `--` goes to the bench; `--help` lists it.
 * The report goes to stdout, progress to stderr.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startKafka } from './peers/kafka.mjs'
import { installKafka } from './peers/kafka-install.mjs'
import { startRabbitmq } from './peers/rabbitmq.mjs'
import { ensureInstalled, root } from './support/run.mjs'

const argv = process.argv.slice(2)
const bundles = join(root, '.cache', 'bench')

ensureInstalled()
const { buildSync } = await import('esbuild')
// Another launcher brings its own build; ours is then left as it is.
if (!argv.some((word) => word === '--busbar' || word.startsWith('--busbar='))) {
  const { build } = await import('./support/bundle.mjs')
  await build()
}
buildSync({
  entryPoints: {
    main: join(root, 'bench/main.ts'),
    worker: join(root, 'bench/load/worker.ts'),
    sink: join(root, 'bench/load/sink.ts'),
  },
  outdir: bundles,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  logLevel: 'warning',
})
const { bench } = await import(pathToFileURL(join(bundles, 'main.mjs')).href)
const kafka = {
  install: installKafka,
  start: startKafka,
  fleetSource: join(root, 'bench/kafka/ConsumerFleet.java'),
}
process.exitCode = await bench(argv, { launcher: join(root, 'bin', 'busbar'), startRabbitmq, kafka })
