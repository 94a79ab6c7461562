/**
 * Whole conversations against a whole broker. First well-formed requests of every API and version with any values in
 * them: each is answered, in order. Then spoiled ones: whatever comes, the server must not log a bug of its own, must not
 * remember anything, and must go on serving others.
 *
 * BUSBAR_FUZZ_COUNT raises the number of conversations, BUSBAR_FUZZ_SEED gives another seed; a failure names its own.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../base/random.ts'
import { servedApis } from './apis/served.ts'
import { BrokerStage, batchOf, fetchRequest, produceTo } from './broker-stage.test-kit.ts'
import { type TestClient, turns } from './test-kit.ts'
import { type ApiKey, encodeRequest } from './wire/codec.ts'
import { COMPRESSION } from './wire/compression.ts'
import { parseFields } from './wire/schema.ts'
import { API, apiSchemas } from './wire/schemas/apis.gen.ts'
import { arbitraryStruct } from './wire/test-kit.ts'

const COUNT = Number(process.env['BUSBAR_FUZZ_COUNT'] ?? 60)
const SEED = Number(process.env['BUSBAR_FUZZ_SEED'] ?? 4711)

/** Requests that may wait for other members or for time: a conversation that waits is not told from one that hangs. */
const WAITING: readonly number[] = [API.Fetch, API.JoinGroup, API.SyncGroup]
/** These change who the client is, and what its next bytes mean. */
const LOGIN: readonly number[] = [API.SaslHandshake, API.SaslAuthenticate]

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!
}

/** Any values in the fields of a request, but names of topics that exist now and then. */
function anyRequest(key: number, version: number, seed: number): unknown {
  const schema = apiSchemas.find((candidate) => candidate.key === key)!
  const fields = parseFields(schema.request, schema.versionMin, schema.versionMax)
  const [request] = fc.sample(arbitraryStruct(fields, version), { seed, numRuns: 1 })
  return JSON.parse(JSON.stringify(request), named(seededRandom(seed)))
}

/** Buffers survive JSON as objects; names become known ones. */
function named(random: Random): (key: string, value: unknown) => unknown {
  return (key, value) => {
    const bytes = value as { type?: string; data?: number[] } | null
    if (bytes?.type === 'Buffer') return key === 'records' ? records(random) : Buffer.from(bytes.data ?? [])
    if (['name', 'topic', 'topicName'].includes(key) && random.below(2) === 0) return pick(random, ['a', 'b', 'new'])
    if (/^(index|partition|partitionIndex)$/.test(key) && random.below(2) === 0) return random.below(3)
    return value
  }
}

function records(random: Random): Buffer {
  const values = Array.from({ length: 1 + random.below(4) }, (_, index) => 'v'.repeat(index * random.below(40)))
  const bytes = batchOf(values, {
    compression: pick(random, [COMPRESSION.none, COMPRESSION.gzip]),
    producerId: random.below(3) - 1,
    producerEpoch: 0,
    baseSequence: random.below(3),
    isTransactional: random.below(8) === 0,
  })
  if (random.below(4) === 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
  return bytes
}

function frame(key: number, version: number, correlationId: number, request: unknown): Buffer {
  return Buffer.concat(encodeRequest(key as ApiKey, version, correlationId, 'fuzz', request as never))
}

function utterance(random: Random, correlationId: number): Buffer {
  const api = pick(random, servedApis)
  const version = api.versionMin + random.below(api.versionMax - api.versionMin + 1)
  switch (random.below(4)) {
    case 0: {
      const topicData = [{ name: pick(random, ['a', 'b']), partitionData: [{ index: 0, records: records(random) }] }]
      return frame(API.Produce, 9, correlationId, { acks: pick(random, [0, 1, -1]), timeoutMs: 1, topicData })
    }
    case 1: {
      const options = { fetchOffset: random.below(4), maxWaitMs: random.below(3) * 100, minBytes: random.below(200) }
      return frame(API.Fetch, 11, correlationId, fetchRequest(pick(random, ['a', 'b', 'nope']), options))
    }
    default:
      return frame(api.key, version, correlationId, anyRequest(api.key, version, random.below(2 ** 31)))
  }
}

function spoil(random: Random, frames: Buffer[]): void {
  const at = random.below(frames.length)
  const victim = Buffer.from(frames[at]!)
  if (victim.length < 8) return
  switch (random.below(6)) {
    case 0:
      victim[random.below(victim.length)]! ^= 1 << random.below(8)
      break
    case 1:
      victim[random.below(victim.length)] = pick(random, [0, 1, 0x7f, 0x80, 0xff])
      break
    case 2:
      frames.splice(at, 1, victim.subarray(0, random.below(victim.length)))
      return
    case 3:
      frames.splice(at, 0, random.bytes(1 + random.below(40)))
      return
    case 4:
      victim.writeInt32BE(pick(random, [0, 1, -1, 2 ** 31 - 1, victim.length]), 0)
      break
    default:
      // A count or a length somewhere inside becomes very large.
      victim.writeInt32BE(2 ** 31 - 1, Math.min(victim.length - 4, 4 + random.below(victim.length)))
  }
  frames[at] = victim
}

async function openStage(): Promise<BrokerStage> {
  const stage = await BrokerStage.open({ settings: { requestBytesMax: 1 << 20 } })
  await stage.topic('a', 2)
  await stage.topic('b', 1, { 'cleanup.policy': 'compact' })
  return stage
}

async function sendInPieces(random: Random, client: TestClient, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(pick(random, [3, 100, 3000]))
    client.raw(bytes.subarray(at, at + size))
    at += size
    if (random.below(3) === 0) await turns(1)
  }
}

test('fuzz: any well-formed request of any API and version is answered, and by no bug', async () => {
  const stage = await openStage()
  const apis = servedApis.filter(({ key }) => !WAITING.includes(key) && !LOGIN.includes(key))
  for (let round = 0; round < Math.max(1, COUNT / 20); round++) {
    for (const { key, versionMin, versionMax } of apis) {
      for (let version = versionMin; version <= versionMax; version++) {
        const seed = SEED + round * 1_000_003 + key * 1009 + version
        const client = stage.connect()
        const request = anyRequest(key, version, seed)
        const isSilent = key === API.Produce && (request as { acks: number }).acks === 0
        client.raw(frame(key, version, 7, request))
        if (!isSilent) {
          const answer = await client.next().catch(() => undefined)
          expect([seed, key, version, answer?.readInt32BE(0), stage.errors]).toEqual([seed, key, version, 7, []])
        }
        client.hangUp()
        await turns(2)
      }
    }
  }
  expect(stage.goneCount).toBe(stage.connections.length)
}, 600_000)

test('fuzz: spoiled conversations end in order, and harm nobody else', async () => {
  const seen = { answered: 0, refused: 0 }
  for (let run = 0; run < COUNT; run++) {
    const seed = SEED + run
    const random = seededRandom(seed)
    const stage = await openStage()
    const bystander = stage.connect()
    await bystander.ask(API.ApiVersions, 0, {})
    const client = stage.connect()
    const frames = Array.from({ length: 1 + random.below(20) }, (_, index) => utterance(random, index))
    for (let count = random.below(4); count > 0; count--) spoil(random, frames)
    await sendInPieces(random, client, Buffer.concat(frames))
    await turns(4)
    seen.answered += client.received.length
    seen.refused += stage.warnings.length
    // Nobody stays in a conversation after a size that is none; whoever waits is woken by the time.
    client.raw(Buffer.alloc(80, 0xff))
    for (let count = 0; count < 5; count++) {
      stage.clock.advance(60_000)
      await turns(6)
    }
    client.hangUp()
    stage.clock.advance(stage.settings.closeTimeoutMs)
    await turns(4)
    expect([seed, stage.errors]).toEqual([seed, []])
    expect([seed, client.isClosed, stage.goneCount >= 1]).toEqual([seed, true, true])
    if (stage.session.streams.find('a') === undefined) await stage.topic('a')
    expect((await produceTo(bystander, 'a', batchOf(['x']))).errorCode).toBe(0)
  }
  // Else the test would test nothing but one half.
  expect(seen.answered).toBeGreaterThan(COUNT)
  expect(seen.refused).toBeGreaterThan(COUNT / 4)
}, 600_000)
