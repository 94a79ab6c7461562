/**
 * Brings Apache Kafka from Maven Central to `.cache/kafka-<version>/lib`, once, and knows how its programs are run: the
 * broker for `kafka.mjs` beside this file, the command-line tools for the interop tests, the perf tools for the bench.
 *
 * It needs `java` (17 or newer) and, for the first time, `mvn`; it installs neither. Maven reads its own settings, so
 * that a mirror configured on a machine is used. From the command line:
 *
 *     node scripts/peers/kafka-install.mjs kafka-topics --bootstrap-server 127.0.0.1:9092 --list
 */
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { root } from '../support/run.mjs'

/** The newest that runs on Java 17. */
export const KAFKA_VERSION = '4.3.1'
const SLF4J_VERSION = '1.7.36'
const JAVA_MAJOR_MIN = 17
const LOCK_POLL_MS = 200
/** An owner that has taken a lock and not yet written who it is has a moment for it; then it must have died between. */
const LOCK_UNSIGNED_MS = 5000

/** What the scripts in Kafka's `bin/` start. */
const TOOL_CLASSES = new Map([
  ['kafka-acls', 'org.apache.kafka.tools.AclCommand'],
  ['kafka-broker-api-versions', 'org.apache.kafka.tools.BrokerApiVersionsCommand'],
  ['kafka-cluster', 'org.apache.kafka.tools.ClusterTool'],
  ['kafka-configs', 'kafka.admin.ConfigCommand'],
  ['kafka-console-consumer', 'org.apache.kafka.tools.consumer.ConsoleConsumer'],
  ['kafka-console-producer', 'org.apache.kafka.tools.ConsoleProducer'],
  ['kafka-consumer-groups', 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'],
  ['kafka-consumer-perf-test', 'org.apache.kafka.tools.ConsumerPerformance'],
  ['kafka-delete-records', 'org.apache.kafka.tools.DeleteRecordsCommand'],
  ['kafka-e2e-latency', 'org.apache.kafka.tools.EndToEndLatency'],
  ['kafka-features', 'org.apache.kafka.tools.FeatureCommand'],
  ['kafka-get-offsets', 'org.apache.kafka.tools.GetOffsetShell'],
  ['kafka-groups', 'org.apache.kafka.tools.GroupsCommand'],
  ['kafka-log-dirs', 'org.apache.kafka.tools.LogDirsCommand'],
  ['kafka-producer-perf-test', 'org.apache.kafka.tools.ProducerPerformance'],
  ['kafka-topics', 'org.apache.kafka.tools.TopicCommand'],
  ['kafka-transactions', 'org.apache.kafka.tools.TransactionsCommand'],
  ['kafka-verifiable-consumer', 'org.apache.kafka.tools.VerifiableConsumer'],
  ['kafka-verifiable-producer', 'org.apache.kafka.tools.VerifiableProducer'],
])

/**
 * @typedef {{command: string, args: string[]}} CommandLine to be spawned as it is
 * @typedef {object} KafkaInstallation
 * @property {string} version
 * @property {string} classPath for `java` and `javac`
 * @property {(mainClass: string, args: readonly string[], jvm?: readonly string[], path?: string) => CommandLine} program
 *   any class on it, or on another class path
 * @property {(name: string, args: readonly string[], jvm?: readonly string[]) => CommandLine} tool by its name in Kafka's `bin/`
 */

let installation

/** @returns {Promise<{kind: 'ready', kafka: KafkaInstallation} | {kind: 'missing', reason: string}>} */
export function installKafka() {
  installation ??= install()
  return installation
}

/**
 * A command-line tool of Apache Kafka; undefined where Kafka cannot be had.
 * @returns {Promise<CommandLine | undefined>}
 */
export async function kafkaTool(name, args) {
  const installed = await installKafka()
  return installed.kind === 'ready' ? installed.kafka.tool(name, args) : undefined
}

async function install() {
  const missing = (reason) => ({ kind: 'missing', reason })
  const major = await javaMajor()
  if (major === undefined) return missing('java is not installed (Debian, Ubuntu: apt install default-jdk-headless)')
  if (major < JAVA_MAJOR_MIN) return missing(`java is version ${major}; Apache Kafka needs ${JAVA_MAJOR_MIN}`)
  const home = join(root, '.cache', `kafka-${KAFKA_VERSION}`)
  const failure = await onlyOne(`${home}.lock`, () => (existsSync(home) ? undefined : download(home)))
  return failure === undefined ? { kind: 'ready', kafka: installationIn(home) } : missing(failure)
}

function installationIn(home) {
  const classPath = join(home, 'lib', '*')
  const program = (mainClass, args, jvm = [], path = classPath) => ({
    command: 'java',
    args: ['-cp', path, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', ...jvm, mainClass, ...args],
  })
  return {
    version: KAFKA_VERSION,
    classPath,
    program,
    tool(name, args, jvm = SHORT_LIVED) {
      const mainClass = TOOL_CLASSES.get(name)
      if (mainClass === undefined)
        throw new Error(`${name}: no such tool; there are ${[...TOOL_CLASSES.keys()].join(', ')}`)
      return program(mainClass, args, jvm)
    },
  }
}

/** A tool that ends at once gains nothing from the optimising compiler and its threads. */
const SHORT_LIVED = ['-Xmx256M', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

/** Made beside its place and moved there whole. Answers what went wrong. */
async function download(home) {
  const partial = `${home}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  writeFileSync(join(partial, 'pom.xml'), pom())
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(partial, 'lib')}`]
  const { code, said } = await run('mvn', ['-q', '-B', '-f', join(partial, 'pom.xml'), ...goal])
  if (code !== 0) {
    rmSync(partial, { recursive: true, force: true })
    if (code === 127) return 'mvn is not installed (Debian, Ubuntu: apt install maven)'
    const first = said.split('\n').find((line) => line.includes('ERROR'))
    return `mvn could not fetch Apache Kafka: ${first ?? said.trim()}`
  }
  renameSync(partial, home)
  return undefined
}

function pom() {
  const dependencies = [
    ['org.apache.kafka', 'kafka_2.13', KAFKA_VERSION],
    ['org.apache.kafka', 'kafka-tools', KAFKA_VERSION],
    // Whoever logs nothing is told so on every start; this one writes to stderr.
    ['org.slf4j', 'slf4j-simple', SLF4J_VERSION],
  ]
  const one = ([group, artifact, version]) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>busbar</groupId>
  <artifactId>kafka-peer</artifactId>
  <version>1</version>
  <dependencies>
    ${dependencies.map(one).join('\n    ')}
  </dependencies>
</project>
`
}

async function javaMajor() {
  const { code, said } = await run('java', ['-version'])
  if (code !== 0) return undefined
  const match = /version "(\d+)/.exec(said)
  return match === null ? undefined : Number(match[1])
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += chunk
      })
    }
    child.once('error', (error) => resolve({ code: 127, said: error.message }))
    child.once('close', (code) => resolve({ code: code ?? 1, said }))
  })
}

/**
 * Test files run in several processes at once and one of them should do the work while the others wait. The lock is a
 * file with its owner's process id; a lock whose owner is gone is taken over.
 */
async function onlyOne(path, work) {
  mkdirSync(join(path, '..'), { recursive: true })
  while (!taken(path)) {
    if (ownerLives(path)) await delay(LOCK_POLL_MS)
    else rmSync(path, { force: true })
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function taken(path) {
  try {
    const file = openSync(path, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  }
}

function ownerLives(path) {
  try {
    const owner = readFileSync(path, 'utf8')
    if (owner === '') return Date.now() - statSync(path).mtimeMs < LOCK_UNSIGNED_MS
    process.kill(Number(owner), 0)
    return true
  } catch (error) {
    // EPERM: it lives, under another user. Everything else: no such process, or the lock has just been given back.
    return error.code === 'EPERM'
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const [name, ...args] = process.argv.slice(2)
  const installed = await installKafka()
  if (installed.kind === 'missing') {
    console.error(installed.reason)
    process.exit(69)
  }
  if (name === undefined) {
    console.error(`give a tool: ${[...TOOL_CLASSES.keys()].join(', ')}`)
    process.exit(64)
  }
  const { command, args: words } = installed.kafka.tool(name, args)
  spawn(command, words, { stdio: 'inherit' }).once('close', (code) => process.exit(code ?? 1))
}
