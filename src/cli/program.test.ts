import { expect, test } from 'vitest'
import { NetError, StorageError } from '../base/errors.ts'
import { ConfigError, type LoadedConfig } from '../config/load-config.ts'
import { CONFIG_KEYS, defaultConfig, OPTIONS } from '../config/options.ts'
import { VERSION } from '../config/version.ts'
import { ExitCode, failureOf } from './exit-codes.ts'
import { runProgram } from './program.ts'
import { readyLine, readyScreen } from './ready-screen.ts'

async function run(args: string[], environment: Record<string, string> = {}) {
  let output = ''
  let served: LoadedConfig | undefined
  const exitCode = await runProgram(
    args,
    {
      serve: async (loaded) => {
        served = loaded
        return 0
      },
    },
    { out: (text) => (output += text), environment, columns: 100 },
  )
  return { exitCode, output, served }
}

const failed = async (args: string[]) => failureOf(await run(args).catch((error: unknown) => error))

test('command: serve reads flags of every shape, and repeated ones as a list', async () => {
  const { served } = await run([
    'serve',
    '--data=/x',
    '--listen',
    'amqp://127.0.0.1:1',
    '--listen',
    'amqp://127.0.0.1:2',
    '--store',
    'memory:',
    '--frame-max',
    '64KiB',
  ])
  expect(served!.config).toMatchObject({ dataDir: '/x', store: 'memory:', frameBytesMax: 65_536 })
  expect(served!.config.listen.map((url) => url.port)).toEqual(['1', '2'])
})

test('command: without flags serve has the defaults, and the environment fills in', async () => {
  expect((await run(['serve'])).served!.config).toEqual(defaultConfig())
  expect((await run(['serve'], { BUSBAR_HEARTBEAT: '5s' })).served!.config.heartbeatMs).toBe(5000)
})

test('command: a bad option, value, verb or argument is one line and exit code 64', async () => {
  expect(await failed(['serve', '--dta', 'x'])).toEqual({
    exitCode: ExitCode.usage,
    text: "unknown option '--dta'; did you mean --data?; see busbar --help",
  })
  expect((await failed(['serve', '--heartbeat', 'soon'])).text).toContain('--heartbeat: "soon" is not a duration')
  expect((await failed(['sreve'])).text).toBe("unknown command 'sreve'; did you mean serve?; see busbar --help")
  for (const args of [['serve', '--listen'], ['sreve'], ['serve', 'now'], ['serve', '--durability', 'maybe']]) {
    const { exitCode, text } = await failed(args)
    expect(exitCode, text).toBe(ExitCode.usage)
    expect(text).not.toContain('\n')
  }
})

test('command: a bad variable or configuration file is exit code 78', async () => {
  const variable = await run(['serve'], { BUSBAR_HEARTBEAT: 'soon' }).catch(failureOf)
  expect(variable).toMatchObject({ exitCode: ExitCode.config })
  expect((await failed(['serve', '--config', '/nowhere/busbar.yaml'])).exitCode).toBe(ExitCode.config)
})

test('command: help names every option with its default; bare busbar shows the verbs; version is ours', async () => {
  const { output } = await run(['serve', '--help'])
  for (const key of CONFIG_KEYS) expect(output).toContain(`--${OPTIONS[key].name} <`)
  expect(output).toContain('default: 128KiB')
  expect(output).toContain('Examples:')
  expect((await run([])).output).toContain('Run the broker.')
  expect((await run(['--version'])).output).toBe(`${VERSION}\n`)
})

test('command: config prints value and origin, and hides the password', async () => {
  const { output } = await run(['config', '--frame-max', '64KiB', '--default-pass', 's3cret'], { BUSBAR_VHOST: 'a,b' })
  expect(output).toMatch(/^frame-max +64KiB +--frame-max$/m)
  expect(output).toMatch(/^vhost +a, b +BUSBAR_VHOST$/m)
  expect(output).toMatch(/^heartbeat +60s$/m)
  expect(output).not.toContain('s3cret')
})

test('exit codes: ports, locks and disks are 69, unusable directories 78, bugs 70 with their stack', () => {
  expect(failureOf(new NetError('port 5672 is taken'))).toEqual({ exitCode: 69, text: 'port 5672 is taken' })
  expect(failureOf(new StorageError('locked', 'held by 12'))).toEqual({ exitCode: 69, text: 'held by 12' })
  const denied = new StorageError('unwritable', 'cannot write ./data', {
    cause: new Error('EACCES: permission denied'),
  })
  expect(failureOf(denied)).toEqual({ exitCode: 78, text: 'cannot write ./data: EACCES: permission denied' })
  expect(failureOf(new StorageError('newer-format', 'format 2')).exitCode).toBe(78)
  expect(failureOf(new ConfigError('file', 'a\n  b'))).toEqual({ exitCode: 78, text: 'a; b' })
  const bug = failureOf(new TypeError('x is undefined'))
  expect(bug.exitCode).toBe(70)
  expect(bug.text).toContain('program.test.ts')
})

test('ready: one JSON line for programs; for people URLs that work when pasted, without a chosen password', () => {
  const endpoints = { amqp: 'amqp://127.0.0.1:5672' }
  expect(readyLine(endpoints)).toBe('{"msg":"ready","endpoints":{"amqp":"amqp://127.0.0.1:5672"}}\n')
  const screen = (config = defaultConfig()): string => readyScreen({ config, endpoints, startMs: 87.4, colour: false })
  expect(screen()).toContain('amqp://guest:guest@127.0.0.1:5672\n')
  expect(screen()).toContain('ready in 87 ms')
  expect(screen()).toContain('./data (flushed to disk before a confirm)')
  expect(screen(defaultConfig({ defaultPassword: 's3cret' }))).not.toContain('guest:')
  expect(screen(defaultConfig({ store: 'memory:' }))).toContain('nothing is kept')
})
