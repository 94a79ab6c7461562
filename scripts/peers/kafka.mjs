#!/usr/bin/env node
/**
 * Starts a private Apache Kafka broker to compare busbar with: the bench runs the same load against both, and the
 * interop tests can be pointed at it to show that they describe Kafka and not merely busbar.
 *
 * Private means: one KRaft node, broker and controller in one process, with its data and configuration in a temporary
 * directory and both sockets on loopback and a free port. `kafka-install.mjs` brings the program; where that is not
 * possible `startKafka` answers undefined.
 *
 * From the command line: `node scripts/peers/kafka.mjs [--flush-each-message]` prints one JSON line
 * {"port":..,"pid":..,"version":..} and runs until SIGINT or SIGTERM.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { installKafka } from './kafka-install.mjs'

const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 30_000
const LOOPBACK = '127.0.0.1'

/** As kafka-server-start and kafka-run-class set them. */
const SERVER_JVM = [
  '-Xmx1G',
  '-Xms1G',
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  '-Djava.awt.headless=true',
]
const STARTED = /Kafka Server started/

/**
 * @typedef {object} Kafka
 * @property {number} port Kafka on 127.0.0.1
 * @property {number} pid the Java process, for measuring memory and for kill -9
 * @property {string} version
 * @property {() => Promise<void>} stop ends the node and removes its directory
 */

/**
 * @param {{flushEachMessage?: boolean, config?: string}} [options] `flushEachMessage`: data is on disk before it is
 *   acknowledged, where Kafka by itself leaves that to the operating system. `config` is appended to server.properties.
 * @returns {Promise<Kafka | undefined>} undefined when Kafka cannot be had
 */
export async function startKafka(options = {}) {
  const installed = await installKafka()
  if (installed.kind === 'missing') return undefined
  const { kafka } = installed
  const home = mkdtempSync(join(tmpdir(), 'busbar-kafka-'))
  const [port, controllerPort] = await freePorts(2)
  const properties = join(home, 'server.properties')
  writeFileSync(properties, serverProperties(home, port, controllerPort, options))
  const server = { child: undefined }
  const stop = once(async () => {
    if (server.child !== undefined) await ended(server.child)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })
  try {
    const clusterId = randomBytes(16).toString('base64url')
    await finished(kafka.program('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', properties]), home)
    const jvm = [...SERVER_JVM, '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info']
    server.child = start(kafka.program('kafka.Kafka', [properties], jvm), home)
    await untilStarted(server.child)
    return { port, pid: server.child.pid, version: kafka.version, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

function serverProperties(home, port, controllerPort, { flushEachMessage = false, config = '' }) {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${LOOPBACK}:${controllerPort}`,
    listeners: `PLAINTEXT://${LOOPBACK}:${port},CONTROLLER://${LOOPBACK}:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(home, 'data'),
    // One node: what Kafka keeps for itself in three copies is kept in one.
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    // Fifty partitions each are for clusters; they only make the start slow here.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    ...(flushEachMessage ? { 'log.flush.interval.messages': '1' } : {}),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return `${lines.join('\n')}\n${config}\n`
}

function start({ command, args }, cwd) {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd })
}

/** Its log stands on stderr. */
function untilStarted(server) {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(
      () => reject(new Error(`Kafka did not start within ${START_TIMEOUT_MS / 1000} s: ${said}`)),
      START_TIMEOUT_MS,
    )
    const read = (chunk) => {
      said += chunk
      if (!STARTED.test(said)) return
      clearTimeout(timer)
      // The pipes stay open and are read to nowhere: a full pipe would stall the broker.
      server.stdout.off('data', read).resume()
      server.stderr.off('data', read).resume()
      resolve(undefined)
    }
    server.stdout.on('data', read)
    server.stderr.on('data', read)
    server.once('error', reject)
    server.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(new Error(`Kafka ended before it was ready (${signal ?? code}): ${said}`))
    })
  })
}

function finished(commandLine, cwd) {
  return new Promise((resolve, reject) => {
    const child = start(commandLine, cwd)
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += chunk
      })
    }
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(undefined)
      else reject(new Error(`Kafka could not format its directory: exit ${code}: ${said}`))
    })
  })
}

/** Its data goes away anyway, so a node that will not leave in order is ended. */
function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
    child.kill('SIGTERM')
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

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const kafka = await startKafka({ flushEachMessage: process.argv.includes('--flush-each-message') })
  if (kafka === undefined) {
    console.error((await installKafka()).reason)
    process.exit(69)
  }
  console.log(JSON.stringify({ port: kafka.port, pid: kafka.pid, version: kafka.version }))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void kafka.stop().then(() => process.exit(0)))
}
