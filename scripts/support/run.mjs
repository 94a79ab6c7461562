/**
 * What the scripts share: where the house stands, how its commands are run, and how dependencies get here. Plain
 * JavaScript on Node alone, because it runs before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** The npm that started us, or the one on the path: both as [command, ...first arguments]. */
function npmCommand() {
  const script = process.env.npm_execpath
  if (script?.endsWith('.js')) return [process.execPath, script]
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm']
}

/** Runs npm to its end. Its output goes to stderr: stdout belongs to what the caller has to say. */
export function npm(...args) {
  const [command, ...first] = npmCommand()
  const run = spawnSync(command, [...first, ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  return run.status ?? 1
}

/**
 * Installs what package-lock.json names when node_modules is missing or belongs to another lock file. No install
 * script of any package runs: nothing here needs one.
 */
export function ensureInstalled() {
  if (isInstalled()) return
  process.stderr.write('installing dependencies (npm ci)\n')
  const status = npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error')
  if (status === 0) return
  process.stderr.write('npm ci failed: see above\n')
  process.exit(status)
}

/** npm writes node_modules/.package-lock.json last, so its presence means a whole installation. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return false
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  for (const [path, entry] of Object.entries(want)) {
    if (path === '' || entry.optional) continue
    if (have[path]?.version !== entry.version) return false
  }
  return true
}

/** A command of an installed package, by the file it runs; never through a shell. */
export function installedCommand(packageName, binName = packageName) {
  const folder = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[binName])
}

/**
 * Runs a Node program to its end and resolves with its exit code and, unless `inherit`, all it printed. A program that
 * outlives `timeoutMs` is killed and counts as failed.
 */
export function runNode(args, { inherit = false, runtime = process.execPath, timeoutMs = 30 * 60_000, env } = {}) {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    const child = spawn(runtime, args, {
      cwd: root,
      stdio: inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...env },
    })
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    const end = (code, extra) =>
      resolve({
        code,
        output: Buffer.concat(chunks).toString() + extra,
        seconds: (performance.now() - startedMs) / 1000,
      })
    child.on('error', (error) => end(1, String(error)))
    child.on('close', (code, signal) => end(code ?? 1, signal === null ? '' : `ended by ${signal}\n`))
  })
}
