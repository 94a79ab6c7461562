/**
 * The Kafka clients that judge us, each as the programs of test/interop/programs/kafka: how one is made ready, how it runs
 * a scenario, and how it joins a group. Every scenario prints what came of it as JSON; which outcome is right stands in
 * test/interop/kafka-clients.test.ts, one table for all clients.
 */
import { fileURLToPath } from 'node:url'
import { compileJava, kafkaPrograms } from './kafka-peer.ts'
import { Program } from './program.ts'
import { type PythonClient, pythonWith } from './python-venv.ts'

export const scenarioNames = [
  'records',
  'compression',
  'acks',
  'limits',
  'auto_creation',
  'offsets',
  'idempotence',
  'transactions',
  'administration',
] as const
export type ScenarioName = (typeof scenarioNames)[number]

/** `missing`: a person sees a skipped test with this reason; under CI there was an error instead. */
export type ReadyClient = KafkaClient | { kind: 'missing'; name: string; reason: string }

export type KafkaClient = {
  kind: 'ready'
  name: string
  /** Those it has; the others are no part of this client. */
  scenarios: readonly ScenarioName[]
  run(bootstrap: string, scenario: ScenarioName): Promise<unknown>
  /** Joins and prints `assigned 0,1`, `read VALUE`; on SIGTERM leaves, prints `left` and ends. */
  member(bootstrap: string, topic: string, group: string): Program
}

const programs = fileURLToPath(new URL('../../interop/programs/kafka', import.meta.url))

/** In the order in which they are worth waiting for. */
export const kafkaClients: Readonly<Record<string, () => Promise<ReadyClient>>> = {
  kafkajs: async () => ({
    ...scripted('kafkajs', process.execPath, 'kafkajs.mjs', 'kafkajs-member.mjs'),
    scenarios: scenarioNames,
  }),
  'kafka-python 2.0.2': () =>
    python('kafka-python 2.0.2', 'kafka_python.py', 'kafka_python_member.py', [
      'records',
      'compression',
      'acks',
      'limits',
      'auto_creation',
      'offsets',
      'administration',
    ]),
  'kafka-python': () => python('kafka-python', 'kafka_python.py', 'kafka_python_member.py', scenarioNames),
  'confluent-kafka': () => python('confluent-kafka', 'confluent.py', 'confluent_member.py', scenarioNames),
  '@platformatic/kafka': async () => ({
    ...scripted('@platformatic/kafka', process.execPath, 'platformatic.mjs', 'platformatic-member.mjs'),
    scenarios: scenarioNames,
  }),
  'the Java client': java,
}

async function python(
  name: PythonClient,
  file: string,
  memberFile: string,
  scenarios: readonly ScenarioName[],
): Promise<ReadyClient> {
  const found = await pythonWith(name)
  if (found.kind === 'missing') return { kind: 'missing', name, reason: found.reason }
  return { ...scripted(name, found.executable, file, memberFile), scenarios }
}

function scripted(name: string, interpreter: string, file: string, memberFile: string): Omit<KafkaClient, 'scenarios'> {
  const start = (script: string, args: readonly string[], bootstrap: string): Program =>
    new Program(interpreter, [`${programs}/${script}`, ...args], { env: environment(bootstrap) })
  return {
    kind: 'ready',
    name,
    async run(bootstrap, scenario) {
      const lines = await start(file, [scenario], bootstrap).finished()
      return JSON.parse(lines.at(-1) ?? '')
    },
    member: (bootstrap, topic, group) => start(memberFile, [topic, group], bootstrap),
  }
}

const environment = (bootstrap: string): Record<string, string> => ({
  KAFKA: bootstrap,
  KAFKAJS_NO_PARTITIONER_WARNING: '1',
})

async function java(): Promise<ReadyClient> {
  const name = 'the Java client'
  const found = await kafkaPrograms()
  if (found.kind === 'missing') return { kind: 'missing', name, reason: found.reason }
  const { kafka } = found
  const sources = ['JavaClient', 'JavaMember'].map((each) => `${programs}/java/${each}.java`)
  const classPath = await compileJava(kafka, sources)
  const start = (mainClass: string, args: readonly string[], bootstrap: string): Program => {
    const { command, args: words } = kafka.program(mainClass, args, SHORT_LIVED, classPath)
    return new Program(command, words, { env: environment(bootstrap) })
  }
  return {
    kind: 'ready',
    name,
    scenarios: scenarioNames,
    async run(bootstrap, scenario) {
      const lines = await start('JavaClient', [scenario], bootstrap).finished()
      return JSON.parse(lines.at(-1)?.slice(scenario.length) ?? '')
    },
    member: (bootstrap, topic, group) => start('JavaMember', [topic, group], bootstrap),
  }
}

/** A program of seconds gains nothing from the optimising compiler and its threads. */
const SHORT_LIVED = ['-Xmx128M', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
