import { expect, test } from 'vitest'
import { BrokerStage, batchOf, produceTo } from '../broker-stage.test-kit.ts'
import type { TestClient } from '../test-kit.ts'
import { API } from '../wire/schemas/apis.gen.ts'

const TOPIC = 2
const BROKER = 4

async function describe(client: TestClient, version: number, resourceType: number, resourceName: string, more = {}) {
  const resources = [{ resourceType, resourceName, configurationKeys: null }]
  return (await client.ask(API.DescribeConfigs, version, { resources, ...more })).results[0]!
}

test('describe configs: every setting with value, source, type, and what it hides', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 1, { 'retention.ms': '1000' })
  const client = stage.connect()
  for (let version = 1; version <= 4; version++) {
    const { errorCode, configs } = await describe(client, version, TOPIC, 't', {
      includeSynonyms: true,
      ...(version >= 3 ? { includeDocumentation: true } : {}),
    })
    expect([errorCode, configs.length]).toEqual([0, stage.session.streams.settings.length])
    const own = configs.find(({ name }) => name === 'retention.ms')!
    expect(own).toMatchObject({ value: '1000', configSource: 1, readOnly: false, isSensitive: false })
    expect(own.synonyms).toEqual([
      { name: 'retention.ms', value: '1000', source: 1 },
      { name: 'retention.ms', value: '604800000', source: 5 },
    ])
    if (version >= 3) expect([own.configType, own.documentation !== null]).toEqual([5, true])
    const others = configs.filter(({ name }) => name !== 'retention.ms')
    expect(new Set(others.map(({ configSource }) => configSource))).toEqual(new Set([5]))
  }
})

test('describe configs: chosen keys, the broker, and what is not there', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const resources = [{ resourceType: TOPIC, resourceName: 't', configurationKeys: ['retention.ms', 'nope'] }]
  const chosen = await client.ask(API.DescribeConfigs, 4, { resources })
  expect(chosen.results[0]!.configs.map(({ name, synonyms }) => [name, synonyms])).toEqual([['retention.ms', []]])
  const broker = await describe(client, 4, BROKER, '1')
  expect(broker.configs.find(({ name }) => name === 'num.partitions')).toMatchObject({ value: '1', readOnly: true })
  expect((await describe(client, 4, BROKER, '')).configs).toEqual([])
  expect((await describe(client, 4, BROKER, '2')).errorCode).toBe(42)
  expect((await describe(client, 4, TOPIC, 'nope')).errorCode).toBe(3)
  expect((await describe(client, 4, TOPIC, 'no good')).errorCode).toBe(17)
  expect((await describe(client, 4, 99, 'x')).errorCode).toBe(42)
})

test('alter configs: replaces all that were set, or says why not', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 1, { 'retention.ms': '1000' })
  const client = stage.connect()
  const alter = async (version: number, configs: object[], resource: object = {}, validateOnly = false) => {
    const resources = [{ resourceType: TOPIC, resourceName: 't', configs: configs as [], ...resource }]
    return (await client.ask(API.AlterConfigs, version, { resources, validateOnly })).responses[0]!.errorCode
  }
  const set = (): Record<string, string> => Object.fromEntries(stage.session.streams.find('t')!.configs)
  expect(await alter(0, [{ name: 'retention.bytes', value: '5' }], {}, true)).toBe(0)
  expect(set()).toEqual({ 'retention.ms': '1000' })
  for (let version = 0; version <= 2; version++) {
    expect(await alter(version, [{ name: 'retention.bytes', value: `${version}` }])).toBe(0)
    expect(set()).toEqual({ 'retention.bytes': `${version}` })
  }
  expect(await alter(2, [{ name: 'nope', value: '1' }])).toBe(40)
  expect(await alter(2, [{ name: 'retention.ms', value: 'x' }], {}, true)).toBe(40)
  expect(await alter(2, [{ name: 'retention.ms', value: null }])).toBe(42)
  expect(await alter(2, [], { resourceName: 'nope' })).toBe(3)
  expect(await alter(2, [], { resourceType: BROKER, resourceName: '1' })).toBe(42)
  expect(await alter(2, [], { resourceType: 32 })).toBe(42)
  const one = { resourceType: TOPIC, resourceName: 't', configs: [] }
  const twice = await client.ask(API.AlterConfigs, 2, { resources: [one, one] })
  expect(twice.responses.map(({ errorCode }) => errorCode)).toEqual([42, 42])
  expect(set()).toEqual({ 'retention.bytes': '2' })
})

test('incremental alter configs: sets, deletes, appends and subtracts', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 1, { 'retention.ms': '1000' })
  const client = stage.connect()
  const alter = async (changes: [number, string, string | null][], version = 1) => {
    const configs = changes.map(([configOperation, name, value]) => ({ configOperation, name, value }))
    const resources = [{ resourceType: TOPIC, resourceName: 't', configs }]
    return (await client.ask(API.IncrementalAlterConfigs, version, { resources })).responses[0]!.errorCode
  }
  const get = (name: string): string | undefined => stage.session.streams.find('t')!.configs.get(name)
  expect(await alter([[0, 'retention.bytes', '7']], 0)).toBe(0)
  expect([get('retention.ms'), get('retention.bytes')]).toEqual(['1000', '7'])
  expect(await alter([[1, 'retention.bytes', null]])).toBe(0)
  expect(get('retention.bytes')).toBeUndefined()
  expect(await alter([[2, 'cleanup.policy', 'compact']])).toBe(0)
  expect(get('cleanup.policy')).toBe('delete,compact')
  expect(await alter([[3, 'cleanup.policy', 'delete']])).toBe(0)
  expect(get('cleanup.policy')).toBe('compact')
  expect(await alter([[2, 'retention.ms', '1']])).toBe(40)
  expect(await alter([[0, 'nope', '1']])).toBe(40)
  expect(await alter([[1, 'nope', null]])).toBe(40)
  expect(await alter([[9, 'retention.ms', '1']])).toBe(42)
  expect(await alter([[0, 'retention.ms', null]])).toBe(42)
  const repeated: [number, string, string][] = [
    [0, 'retention.ms', '1'],
    [0, 'retention.ms', '2'],
  ]
  expect(await alter(repeated)).toBe(42)
  expect(get('retention.ms')).toBe('1000')
})

test('describe log dirs: the bytes of every partition, or of those asked for', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 2)
  const client = stage.connect()
  await produceTo(client, 't', batchOf(['x'.repeat(1000)]), { partition: 1 })
  for (let version = 1; version <= 5; version++) {
    const all = await client.ask(API.DescribeLogDirs, version, { topics: null })
    expect(all.results).toHaveLength(1)
    const sizes = all.results[0]!.topics.map(({ name, partitions }) => [
      name,
      partitions.map((one) => one.partitionSize),
    ])
    expect(sizes).toEqual([['t', [0, expect.any(Number)]]])
    expect(all.results[0]!.topics[0]!.partitions[1]!.partitionSize).toBeGreaterThan(1000)
    const topics = [
      { topic: 't', partitions: [0, 7] },
      { topic: 'nope', partitions: [0] },
    ]
    const some = await client.ask(API.DescribeLogDirs, version, { topics })
    expect(some.results[0]!.topics.map(({ partitions }) => partitions.length)).toEqual([1])
  }
})

test('list config resources: topics and the broker, by type', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const list = async (resourceTypes: number[]) => {
    const { errorCode, configResources } = await client.ask(API.ListConfigResources, 1, { resourceTypes })
    return [errorCode, configResources.map(({ resourceName, resourceType }) => [resourceName, resourceType])]
  }
  const both = [
    ['t', TOPIC],
    ['1', BROKER],
  ]
  expect(await list([])).toEqual([0, both])
  expect(await list([TOPIC, 16])).toEqual([0, [['t', TOPIC]]])
  expect(await list([99])).toEqual([35, []])
  expect((await client.ask(API.ListConfigResources, 0, {})).configResources).toEqual([])
})
