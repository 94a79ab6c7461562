#!/usr/bin/env node
/**
 * Starts a private RabbitMQ node to compare busbar with: the bench runs the same load against both, and the interop
 * tests can be pointed at it to show that they describe RabbitMQ and not merely busbar.
 *
 * Private means: its own name, cookie, data, log, plugin list and configuration in a temporary directory, its own epmd,
 * and every socket on loopback and a free port. A RabbitMQ that already runs on this machine is neither used nor
 * disturbed. It does not install RabbitMQ; without it `startRabbitmq` answers undefined.
 *
 * From the command line: `node scripts/peers/rabbitmq.mjs` prints one JSON line {"port":..,"pid":..} and runs until
 * SIGINT or SIGTERM.
 */
import { spawn } from 'node:child_process'
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const START_TIMEOUT_MS = 120_000
const LOOPBACK = '127.0.0.1'

/**
 * @typedef {object} Rabbitmq
 * @property {number} port AMQP on 127.0.0.1
 * @property {number} pid the Erlang virtual machine, for measuring memory and for kill -9
 * @property {string} version
 * @property {(...args: string[]) => Promise<string>} ctl runs `rabbitmqctl` against this node, answers its stdout
 * @property {() => Promise<void>} stop ends the node, its epmd, and removes its directory
 */

/**
 * The scripts of the installed server. Debian puts a wrapper on the PATH that changes user and directory and reads the
 * machine's configuration; the real scripts stand beside that wrapper under their own names.
 * @returns {{server: string, ctl: string} | undefined}
 */
export function findRabbitmq() {
  const onPath = findOnPath('rabbitmq-server')
  if (onPath === undefined) return undefined
  const real = realpathSync(onPath)
  if (basename(real) !== 'rabbitmq-script-wrapper') return { server: real, ctl: join(dirname(real), 'rabbitmqctl') }
  const directory = dirname(real)
  return { server: realpathSync(join(directory, 'rabbitmq-server')), ctl: realpathSync(join(directory, 'rabbitmqctl')) }
}

/**
 * @param {{config?: string}} [options] `config` is appended to rabbitmq.conf
 * @returns {Promise<Rabbitmq | undefined>} undefined when RabbitMQ is not installed
 */
export async function startRabbitmq(options = {}) {
  const scripts = findRabbitmq()
  const epmdPath = findOnPath('epmd')
  if (scripts === undefined || epmdPath === undefined) return undefined
  const home = mkdtempSync(join(tmpdir(), 'busbar-rabbitmq-'))
  const [port, distributionPort, epmdPort] = await freePorts(3)
  const environment = layOut(home, { port, distributionPort, epmdPort, config: options.config ?? '' })
  const epmd = spawn(epmdPath, ['-port', String(epmdPort), '-address', LOOPBACK], { stdio: 'ignore', env: environment })
  const server = spawn(scripts.server, [], { stdio: ['ignore', 'pipe', 'pipe'], env: environment, cwd: home })
  const stop = once(async () => {
    await ended(server, 'SIGTERM')
    await ended(epmd, 'SIGTERM')
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })
  try {
    await untilStarted(server)
    const pid = Number(readFileSync(environment.RABBITMQ_PID_FILE, 'utf8').trim())
    return {
      port,
      pid,
      version: await readVersion(port),
      ctl: (...args) => output(scripts.ctl, ['-n', environment.RABBITMQ_NODENAME, ...args], environment),
      stop,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** Writes the node's directory and returns the environment that keeps RabbitMQ inside it. */
function layOut(home, { port, distributionPort, epmdPort, config }) {
  const inHome = (name) => join(home, name)
  for (const name of ['mnesia', 'log', 'generated']) mkdirSync(inHome(name))
  writeFileSync(inHome('enabled_plugins'), '[].\n')
  writeFileSync(inHome('rabbitmq-env.conf'), '')
  writeFileSync(inHome('advanced.config'), '[].\n')
  writeFileSync(inHome('rabbitmq.conf'), `listeners.tcp.1 = ${LOOPBACK}:${port}\nlog.file.level = warning\n${config}\n`)
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: home, // the Erlang cookie is made there
    ERL_EPMD_ADDRESS: LOOPBACK,
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: `busbar-peer-${process.pid}-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: inHome('rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: inHome('rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: inHome('advanced.config'),
    RABBITMQ_GENERATED_CONFIG_DIR: inHome('generated'),
    RABBITMQ_ENABLED_PLUGINS_FILE: inHome('enabled_plugins'),
    RABBITMQ_FEATURE_FLAGS_FILE: inHome('feature_flags'),
    RABBITMQ_MNESIA_BASE: inHome('mnesia'),
    RABBITMQ_LOG_BASE: inHome('log'),
    RABBITMQ_PID_FILE: inHome('pid'),
  }
}

/** The banner ends with "completed with N plugins." once the listeners are open. */
function untilStarted(server) {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(
      () => reject(new Error(`RabbitMQ did not start within ${START_TIMEOUT_MS / 1000} s: ${said}`)),
      START_TIMEOUT_MS,
    )
    const read = (chunk) => {
      said += chunk
      if (!/completed with \d+ plugins/.test(said)) return
      clearTimeout(timer)
      // The pipes stay open and are read to nowhere: a full pipe would stall the node.
      server.stdout.off('data', read).resume()
      server.stderr.off('data', read).resume()
      resolve(undefined)
    }
    server.stdout.on('data', read)
    server.stderr.on('data', read)
    server.once('error', reject)
    server.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(new Error(`RabbitMQ ended before it was ready (${signal ?? code}): ${said}`))
    })
  })
}

/** Every AMQP server names its version in connection.start; reading it there is faster than asking `rabbitmqctl`. */
function readVersion(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, LOOPBACK, () => socket.write('AMQP\0\0\x09\x01', 'latin1'))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const match = /versionS.{4}(\d+\.\d+\.\d+)/s.exec(text)
      if (match === null) return
      socket.destroy()
      resolve(match[1])
    })
    socket.once('error', reject)
    socket.once('end', () => reject(new Error('RabbitMQ closed the connection before it named its version')))
  })
}

function output(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${basename(command)} ${args.join(' ')}: exit ${code}: ${stdout}${stderr}`))
    })
  })
}

function ended(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill(signal)
  })
}

function once(work) {
  let done
  return () => {
    done ??= work()
    return done
  }
}

/** All are held open together, so that no two are the same. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, LOOPBACK, () => resolve(server.address().port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Server programs stand in sbin directories, which a normal user's PATH may lack. */
function findOnPath(name) {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const directory of directories) {
    if (directory === '') continue
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here, or not ours to run: the next directory.
    }
  }
  return undefined
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const rabbitmq = await startRabbitmq()
  if (rabbitmq === undefined) {
    console.error('rabbitmq-server is not installed (Debian and Ubuntu: apt-get install rabbitmq-server)')
    process.exit(69)
  }
  console.log(JSON.stringify({ port: rabbitmq.port, pid: rabbitmq.pid, version: rabbitmq.version }))
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void rabbitmq.stop().then(() => process.exit(0)))
}
