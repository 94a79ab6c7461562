import { expect, test } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { ConfigError } from '../config/load-config.ts'
import { defaultConfig } from '../config/options.ts'
import { MemoryStorage } from '../storage/engines/memory/memory-storage.ts'
import { busbarParts } from './busbar-parts.ts'
import { clusterIdOf } from './cluster-id.ts'
import { planListeners } from './listen-plan.ts'

const plan = (url: string) => planListeners(defaultConfig({ listen: [new URL(url)] }), busbarParts.protocols)

test('listen plan: the parameters of a protocol are its own, and judged at once', async () => {
  const [planned] = await plan('kafka://0.0.0.0:9092?advertise=broker.example:9092')
  expect([planned!.scheme.name, planned!.tls]).toEqual(['kafka', undefined])
  expect(planned!.url.searchParams.get('advertise')).toBe('broker.example:9092')
  const refusals = {
    'kafka://0.0.0.0:9092?advertise=broker': 'advertise is host:port',
    'kafka://0.0.0.0:9092?cert=x': 'takes only advertise; with TLS it is kafka+ssl://',
    'kafka+ssl://0.0.0.0:9093?advertise=b:1': 'cert is missing',
    'amqp://0.0.0.0:5672?advertise=b:1': 'takes no parameters; with TLS it is amqps://',
  }
  for (const [url, text] of Object.entries(refusals)) {
    await expect(plan(url)).rejects.toThrow(ConfigError)
    await expect(plan(url)).rejects.toThrow(text)
  }
})

test('cluster id: made once for a storage', async () => {
  const storage = new MemoryStorage()
  await storage.claim(0)
  const id = await clusterIdOf(storage.meta, seededRandom(1))
  expect(id).toMatch(/^[\w-]{22}$/)
  expect(await clusterIdOf(storage.meta, seededRandom(2))).toBe(id)
  await storage.close()
})
