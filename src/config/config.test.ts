import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readConfigFile } from './config-file.ts'
import { BadValue, duration, integer, listenUrl, size } from './kinds.ts'
import { ConfigError, type ConfigSources, loadConfig } from './load-config.ts'
import { CONFIG_KEYS, defaultConfig, environmentName, OPTIONS, storeUrlOf } from './options.ts'
import { referencePage } from './reference.ts'

interface Layers {
  flags?: Record<string, string[]>
  environment?: Record<string, string>
  file?: unknown
}

const load = ({ flags = {}, environment = {}, file }: Layers) =>
  loadConfig({
    flags: new Map(Object.entries(flags)),
    environment,
    file: file === undefined ? undefined : { path: 'busbar.yaml', values: file },
  } satisfies ConfigSources)

function refusal(layers: Layers): ConfigError {
  try {
    load(layers)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('was accepted')
}

test('sizes and durations: every unit is read, and what is shown can be read again', () => {
  const bytes = size(0)
  expect(['64MiB', '50MB', '131072', '1.5KiB', '2 gib', '10kb'].map((text) => bytes.read(text))).toEqual([
    64 * 2 ** 20,
    50_000_000,
    131_072,
    1536,
    2 ** 31,
    10_000,
  ])
  const ms = duration(0, 1e12)
  expect(['10s', '500ms', '60', '2m', '1h', '1d', '0', '0.5s'].map((text) => ms.read(text))).toEqual([
    10_000, 500, 60_000, 120_000, 3_600_000, 86_400_000, 0, 500,
  ])
  for (const value of [0, 1, 999, 1000, 1024, 50_000_000, 2 ** 20, 2 ** 27, 90_000, 86_400_000]) {
    expect(bytes.read(bytes.show(value))).toBe(value)
    expect(ms.read(ms.show(value))).toBe(value)
  }
})

test('kinds: what is no size, duration, number or listener, or out of range, is refused', () => {
  for (const text of ['', '-1', '64 apples', '0x10', '1e3', 'MiB'])
    expect(() => size(0).read(text), text).toThrow(BadValue)
  for (const text of ['', '10 years', '-5s', 's']) expect(() => duration(0, 1).read(text), text).toThrow(BadValue)
  expect(() => size(4096).read('4095')).toThrow('at least 4KiB')
  expect(() => duration(0, 10_000).read('11s')).toThrow('at most 10s')
  expect(() => integer(1, 65_535).read('65536')).toThrow('at most 65535')
  for (const text of ['5672', '127.0.0.1:5672', 'amqp://', 'amqp://a@b:1', 'amqp://h:1/vhost', 'amqp://h:99999']) {
    expect(() => listenUrl.read(text), text).toThrow(BadValue)
  }
  expect(listenUrl.read('amqp://[::1]:0').port).toBe('0')
})

test('config: flags win over environment over file over defaults, option by option, and origins tell', () => {
  const { config, origins, warnings } = load({
    flags: { 'frame-max': ['64KiB'] },
    environment: { BUSBAR_FRAME_MAX: '32KiB', BUSBAR_HEARTBEAT: '30s', BUSBAR_LISTEN: 'amqp://h:1, amqp://h:2' },
    file: { 'frame-max': 8192, heartbeat: 20, vhost: ['/', 'orders'], 'log-level': 'warn' },
  })
  expect(config.frameBytesMax).toBe(65_536)
  expect(config.heartbeatMs).toBe(30_000)
  expect(config.listen.map((url) => url.host)).toEqual(['h:1', 'h:2'])
  expect(config.vhosts).toEqual(['/', 'orders'])
  expect(config.channelCountMax).toBe(2047)
  expect(origins).toMatchObject({
    frameBytesMax: '--frame-max',
    heartbeatMs: 'BUSBAR_HEARTBEAT',
    vhosts: 'busbar.yaml: vhost',
    channelCountMax: 'default',
  })
  expect(warnings).toEqual([])
})

test('config: a repeated flag is a list, or the last one counts; an empty variable is no value', () => {
  expect(load({ flags: { listen: ['amqp://a:1', 'amqp://b:2'] } }).config.listen).toHaveLength(2)
  expect(load({ flags: { data: ['a', 'b'] } }).config.dataDir).toBe('b')
  expect(load({ environment: { BUSBAR_DATA: ' ' } }).config.dataDir).toBe('./data')
})

test('config: a bad value names where it stood, what it was and what would do', () => {
  expect(refusal({ flags: { heartbeat: ['soon'] } })).toMatchObject({
    layer: 'flag',
    message: '--heartbeat: "soon" is not a duration, such as 10s, 500ms or 2m',
  })
  expect(refusal({ environment: { BUSBAR_DURABILITY: 'maybe' } })).toMatchObject({
    layer: 'environment',
    message: 'BUSBAR_DURABILITY: "maybe" is not one of flush, os',
  })
  expect(refusal({ file: { 'channel-max': 0 } }).message).toBe('busbar.yaml: channel-max: "0" is too small: at least 1')
  expect(refusal({ file: { data: { dir: 'x' } } }).message).toBe('busbar.yaml: data: takes a text or a number')
  expect(refusal({ file: { data: ['x'] } }).message).toBe('busbar.yaml: data: takes one value, not a list')
  expect(refusal({ file: ['x'] }).layer).toBe('file')
})

test('config: an unknown key in the file is refused with the closest one, an unknown variable warned about', () => {
  expect(refusal({ file: { 'hart-beat': 1 } }).message).toBe(
    'busbar.yaml: unknown option "hart-beat"; did you mean "heartbeat"?',
  )
  expect(refusal({ file: { xyzzy: 1 } }).message).toBe('busbar.yaml: unknown option "xyzzy"')
  const environment = {
    BUSBAR_HEARTBEET: '1',
    BUSBAR_SERVICE_HOST: '10.0.0.1',
    BUSBAR_PORT_5672_TCP: 'x',
    BUSBAR_CONFIG: 'x',
  }
  expect(load({ environment }).warnings).toEqual([
    'unknown variable BUSBAR_HEARTBEET; did you mean "BUSBAR_HEARTBEAT"?',
  ])
})

test('config file: YAML and JSON are read, and an error tells the file and the line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'busbar-config-'))
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  expect((await readConfigFile(file('a.yaml', 'data: /x\nvhost: [a, b]\n'))).values).toEqual({
    data: '/x',
    vhost: ['a', 'b'],
  })
  expect((await readConfigFile(file('a.json', '{"data": "/x"}'))).values).toEqual({ data: '/x' })
  await expect(readConfigFile(file('bad.yaml', 'data: /x\n  b: c: d\n'))).rejects.toThrow(/bad\.yaml: .*line 1/)
  await expect(readConfigFile(join(folder, 'none.yaml'))).rejects.toThrow('none.yaml')
  rmSync(folder, { recursive: true })
})

test('config: the store follows the data directory unless it is named', () => {
  expect(storeUrlOf(defaultConfig())).toBe('file:./data')
  expect(storeUrlOf(defaultConfig({ dataDir: '/var/lib/busbar' }))).toBe('file:/var/lib/busbar')
  expect(storeUrlOf(defaultConfig({ store: 'memory:' }))).toBe('memory:')
})

test('options: names are unique, and every default can be typed and read back to itself', () => {
  expect(new Set(CONFIG_KEYS.map((key) => environmentName(OPTIONS[key]))).size).toBe(CONFIG_KEYS.length)
  const flags: Record<string, string[]> = {}
  for (const key of CONFIG_KEYS) {
    const option = OPTIONS[key] as { name: string; default: unknown; show(value: unknown): string[] }
    const shown = option.show(option.default)
    if (shown.length > 0) flags[option.name] = shown
  }
  expect(load({ flags }).config).toEqual(defaultConfig())
})

test('reference: docs/operations/configuration.md is made from the table', async () => {
  const page = fileURLToPath(new URL('../../docs/operations/configuration.md', import.meta.url))
  await expect(referencePage()).toMatchFileSnapshot(page)
})
