/**
 * What somebody types on a first evening, on a fresh broker whose name is "localhost": the first programs in the
 * documents of kafka-python and kafkajs, and the commands one tries with kcat.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { describeWithPython } from '../support/clients/describe-with-python.ts'
import { type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'
import { Program } from '../support/clients/program.ts'

vi.setConfig({ testTimeout: 60_000 })

const programs = fileURLToPath(new URL('./programs/kafka', import.meta.url))

let broker: KafkaUnderTest
let localhost: string
const started: Program[] = []
beforeAll(async () => {
  broker = await startKafkaBroker()
  localhost = broker.bootstrap.replace('127.0.0.1', 'localhost')
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.end()))
})
afterAll(() => broker?.stop())

function run(command: string, ...args: string[]): Program {
  const program = new Program(command, args, { env: { KAFKA: localhost } })
  started.push(program)
  return program
}

describe('kafkajs', () => {
  it('quick start: a producer and a consumer in one program', async () => {
    const program = run(process.execPath, `${programs}/quick-start.mjs`)
    const line = await program.line(/Hello KafkaJS user!/)
    expect(JSON.parse(line)).toEqual({ partition: 0, offset: '0', value: 'Hello KafkaJS user!' })
    expect(program.complaint).not.toMatch(/"level":"ERROR"(?!.*UNKNOWN_TOPIC_OR_PARTITION|.*does not host)/)
  })
})

for (const client of ['kafka-python 2.0.2', 'kafka-python'] as const) {
  await describeWithPython(client, client, (python) => {
    it(`quick start: what ${client} sends before anybody listens is read to the last`, async () => {
      const [sent] = await run(python, `${programs}/quick_start_producer.py`).finished()
      const last = Number(sent?.split(' ').at(-1))
      const read = await run(python, `${programs}/quick_start_consumer.py`).finished()
      expect(read.at(-1)).toBe(`my-first-topic:0:${last}: key=b'a key' value=b'the last one'`)
      expect(read).toHaveLength(101)
    })
  })
}

const withoutKcat = spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed (apt install kcat)'
if (withoutKcat !== undefined && process.env['CI'] === 'true') throw new Error(withoutKcat)

describe(withoutKcat === undefined ? 'kcat' : `kcat (${withoutKcat})`, () => {
  beforeEach((context) => {
    if (withoutKcat !== undefined) context.skip(withoutKcat)
  })

  const piped = (input: string, ...args: string[]): Promise<string[]> =>
    run('sh', '-c', `printf '${input}' | kcat -b "$KAFKA" "$@"`, 'sh', ...args).finished()
  const kcat = (...args: string[]): Program => run('sh', '-c', 'exec kcat -b "$KAFKA" "$@"', 'sh', ...args)

  it('kcat: produces with keys, headers and every codec, and reads it back', async () => {
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      await piped(`key:${codec}`, '-P', '-t', 'kcat-topic', '-K:', '-z', codec, '-H', 'from=kcat', '-D', ',')
    }
    const read = await kcat('-C', '-t', 'kcat-topic', '-o', 'beginning', '-e', '-q', '-f', '%o %k %s %h\\n').finished()
    expect(read).toEqual(
      ['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((codec, offset) => `${offset} key ${codec} from=kcat`),
    )
    expect(await kcat('-Q', '-t', 'kcat-topic:0:0').finished()).toEqual(['kcat-topic [0] offset 0'])
  })

  it('kcat: lists the broker and its topics', async () => {
    await piped('one', '-P', '-t', 'kcat-listed')
    const listed: unknown = JSON.parse((await kcat('-L', '-J', '-t', 'kcat-listed').finished()).join(''))
    expect(listed).toMatchObject({
      brokers: [{ name: expect.stringMatching(/^[\w.]+:\d+$/) }],
      topics: [{ topic: 'kcat-listed', partitions: [{ partition: 0 }] }],
    })
  })

  it('kcat: joins a group, reads, and the group resumes behind it', async () => {
    const group = ['-q', '-u', '-X', 'auto.offset.reset=earliest', '-G', 'kcat-group', 'kcat-grouped']
    await piped('first', '-P', '-t', 'kcat-grouped')
    const one = kcat(...group)
    await one.line('first')
    one.signal('SIGTERM')
    await one.ending
    await piped('second', '-P', '-t', 'kcat-grouped')
    const two = kcat(...group)
    await two.line('second')
    expect(two.lines).toEqual(['second'])
    two.signal('SIGTERM')
    await two.ending
  })
})
