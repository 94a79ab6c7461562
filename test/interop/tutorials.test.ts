/**
 * RabbitMQ's tutorials one to six as somebody types them on a first evening, in Python and in JavaScript: separate
 * programs that know nothing of the broker but its URL, judged by what they print.
 */
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BrokerUnderTest, startBroker } from '../support/clients/broker-under-test.ts'
import { describeWithPython } from '../support/clients/describe-with-python.ts'
import { Program } from '../support/clients/program.ts'

vi.setConfig({ testTimeout: 30_000 })

type Language = (name: string, args: string[], url: string) => Program

const programs = fileURLToPath(new URL('./programs', import.meta.url))

/** `name` is two words; Python and JavaScript have their own ways to join them. */
const javascript: Language = (name, args, url) =>
  new Program(process.execPath, [`${programs}/javascript/tutorial/${name.replace(' ', '-')}.cjs`, ...args], {
    env: { AMQP_URL: url },
  })

const pythonOf =
  (executable: string): Language =>
  (name, args, url) =>
    new Program(executable, [`${programs}/python/tutorial/${name.replace(' ', '_')}.py`, ...args], {
      env: { AMQP_URL: url },
    })

/** A worker that is killed leaves its task behind, and a server that is not ours remembers it until the next run. */
async function forgetQueues(url: string): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  for (const queue of ['greetings', 'chores', 'fibonacci']) await channel.deleteQueue(queue)
  await connection.close()
}

type Stage = {
  run(name: string, ...args: string[]): Program
  /** Starts one that listens, and waits until it does. */
  ready(name: string, ...args: string[]): Promise<Program>
}

function tutorials(language: Language): void {
  let broker: BrokerUnderTest
  let started: Program[] = []

  beforeAll(async () => {
    broker = await startBroker()
    await forgetQueues(broker.url)
  })
  afterEach(async () => {
    await Promise.all(started.map((program) => program.end()))
    started = []
  })
  afterAll(() => broker?.stop())

  const run = (name: string, ...args: string[]): Program => {
    const program = language(name, args, broker.url)
    started.push(program)
    return program
  }
  const ready = async (name: string, ...args: string[]): Promise<Program> => {
    const program = run(name, ...args)
    await program.line('waiting')
    return program
  }
  const stage = { run, ready }
  queueTutorials(stage)
  exchangeTutorials(stage)
  topicTutorial(stage)
  remoteCallTutorial(stage)
}

function queueTutorials({ run, ready }: Stage): void {
  it('one: a message sent before anybody listens is received', async () => {
    expect(await run('hello send').finished()).toEqual(['sent Hello, copper!'])
    const receiver = run('hello receive')
    await receiver.line('received Hello, copper!')
    await run('hello send').finished()
    await receiver.lineWhere(
      () => receiver.lines.filter((line) => line === 'received Hello, copper!').length === 2,
      'received, a second time',
    )
  })

  it('two: tasks go to the worker that is free, each to one', async () => {
    const [first, second] = await Promise.all([ready('work do'), ready('work do')])
    await run('work add', 'long ..........', 'a .', 'b .', 'c .').finished()
    const slow = await Promise.race([
      first.line('began long ..........').then(() => first),
      second.line('began long ..........').then(() => second),
    ])
    const quick = slow === first ? second : first
    await quick.line('done c .')
    expect(quick.lines).toEqual(['waiting', 'began a .', 'done a .', 'began b .', 'done b .', 'began c .', 'done c .'])
    await slow.line('done long ..........')
    expect(slow.lines).toEqual(['waiting', 'began long ..........', 'done long ..........'])
  })

  it('two: the task of a worker that dies is given to another', async () => {
    const doomed = await ready('work do')
    await run('work add', 'heavy ....................').finished()
    // A worker of the test before may have been chosen in the instant before its end was noticed: then it is "again" here.
    await doomed.line(/^began heavy/)
    const heir = await ready('work do')
    await doomed.end('SIGKILL')
    await heir.line('began heavy .................... again')
    await heir.line('done heavy ....................')
  })
}

function exchangeTutorials({ run, ready }: Stage): void {
  it('three: everybody who listens hears everything, once', async () => {
    const listeners = await Promise.all([ready('log listen'), ready('log listen')])
    await run('log emit', 'all is', 'well').finished()
    await run('log emit').finished()
    for (const listener of listeners) {
      await listener.line('heard nothing new')
      expect(listener.lines).toEqual(['waiting', 'heard all is well', 'heard nothing new'])
    }
  })

  it('four: a listener hears the severities it asked for and no other', async () => {
    const [loud, quiet] = await Promise.all([
      ready('severity listen', 'info', 'warning', 'error'),
      ready('severity listen', 'error'),
    ])
    for (const severity of ['info', 'debug', 'warning', 'error']) {
      await run('severity emit', severity, 'the', severity).finished()
    }
    await Promise.all([loud.line('heard error: the error'), quiet.line('heard error: the error')])
    expect(loud.lines).toEqual([
      'waiting',
      'heard info: the info',
      'heard warning: the warning',
      'heard error: the error',
    ])
    expect(quiet.lines).toEqual(['waiting', 'heard error: the error'])
  })
}

function topicTutorial({ run, ready }: Stage): void {
  it('five: patterns with stars and hashes choose topics; two matching patterns still mean one copy', async () => {
    const [all, kernel, critical] = await Promise.all([
      ready('topic listen', '#'),
      ready('topic listen', 'kern.*', '#.critical'),
      ready('topic listen', '*.critical'),
    ])
    for (const topic of ['kern.info', 'mail.critical', 'kern.critical', 'kern', 'a.b.critical', 'the.end']) {
      await run('topic emit', topic, 'line').finished()
    }
    await all.line('heard the.end: line')
    await run('topic emit', 'kern.critical', 'over').finished()
    await Promise.all([kernel.line('heard kern.critical: over'), critical.line('heard kern.critical: over')])
    expect(all.lines.slice(1, 7)).toEqual(
      ['kern.info', 'mail.critical', 'kern.critical', 'kern', 'a.b.critical', 'the.end'].map(
        (topic) => `heard ${topic}: line`,
      ),
    )
    expect(kernel.lines.slice(1)).toEqual([
      'heard kern.info: line',
      'heard mail.critical: line',
      'heard kern.critical: line',
      'heard a.b.critical: line',
      'heard kern.critical: over',
    ])
    expect(critical.lines.slice(1)).toEqual([
      'heard mail.critical: line',
      'heard kern.critical: line',
      'heard kern.critical: over',
    ])
  })
}

function remoteCallTutorial({ run, ready }: Stage): void {
  it('six: a remote call gets its own answer', async () => {
    const server = await ready('rpc serve')
    expect(await run('rpc ask', '10').finished()).toEqual(['fibonacci(10) = 55'])
    const [one, two] = [run('rpc ask', '5', '6', '7'), run('rpc ask', '20')]
    expect(await one.finished()).toEqual(['fibonacci(5) = 5', 'fibonacci(6) = 8', 'fibonacci(7) = 13'])
    expect(await two.finished()).toEqual(['fibonacci(20) = 6765'])
    expect(server.lines).toContain('asked 20')
  })
}

describe('tutorials in JavaScript', () => tutorials(javascript))
await describeWithPython('pika', 'tutorials in Python', (executable) => tutorials(pythonOf(executable)))
