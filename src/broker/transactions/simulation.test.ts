/**
 * Several producers at once, each with transactions of its own choosing, while the broker is killed, time runs out and
 * ids are taken over, all by a seeded chance. Every transaction is remembered with what its producer was told; at the
 * end readers must see all of it or nothing, and never anything else than was told.
 */
import { expect, test } from 'vitest'
import { StreamBench } from '../../../test/support/broker/stream-bench.ts'
import { type Random, seededRandom } from '../../base/random.ts'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { committedOffset, committedValues, isUnstable, MINUTE, TestProducer } from './test-kit.ts'

const PRODUCER_COUNT = 4
const PARTITION_COUNT = 3
const ROUNDS = 12
const SEEDS = 25

type Fate = 'committed' | 'aborted' | 'unknown'

interface Transaction {
  readonly name: string
  /** Where it wrote. */
  readonly partitions: Set<number>
  offset: number
  fate: Fate
}

class World {
  readonly bench: StreamBench
  readonly random: Random
  /** Counts lives of the broker. */
  life = 0
  isOver = false

  constructor(bench: StreamBench, random: Random) {
    this.bench = bench
    this.random = random
  }

  chance(oneIn: number): boolean {
    return this.random.below(oneIn) === 0
  }

  async pause(): Promise<void> {
    for (let turns = this.random.below(4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Kills and delays until the producers are done. */
  async disturb(): Promise<void> {
    while (!this.isOver) {
      for (let pauses = 10; pauses > 0; pauses--) await this.pause()
      if (this.chance(3)) {
        this.life++
        await this.bench.kill()
      }
      if (this.chance(6)) this.bench.clock.advance(MINUTE + 2000)
    }
  }
}

/** A producer and the group whose offsets it commits. */
class Actor {
  readonly world: World
  readonly name: string
  readonly done: Transaction[] = []
  producer: TestProducer
  #round = 0

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.producer = new TestProducer(world.bench, name)
  }

  get group(): string {
    return `group of ${this.name}`
  }

  async run(): Promise<void> {
    await this.open()
    while (this.#round < ROUNDS) {
      const transaction: Transaction = {
        name: `${this.name}/${this.#round++}`,
        partitions: new Set(),
        offset: -1,
        fate: 'aborted',
      }
      this.done.push(transaction)
      const isWhole = await this.#work(transaction)
      if (isWhole) await this.#end(transaction)
      else await this.open()
    }
  }

  /** Takes the id, however often it must ask; another instance than before, or the same that goes on. */
  async open(): Promise<void> {
    const { world } = this
    for (;;) {
      const expected = this.producer.producerId >= 0 && world.chance(2) ? this.producer.identity : undefined
      const answer = await this.producer.open({ expected })
      if (answer.kind === 'producer') return
      // What was fenced for good begins as a new instance does.
      if (answer.why === 'fenced') this.producer = new TestProducer(world.bench, this.name)
      await world.pause()
    }
  }

  /** False when something went wrong: the transaction cannot be committed any more. */
  async #work(transaction: Transaction): Promise<boolean> {
    const { world, producer } = this
    const { life } = world
    for (let writes = 1 + world.random.below(4); writes > 0; writes--) {
      const index = world.random.below(PARTITION_COUNT)
      if ((await producer.add('t', index)) !== undefined) return false
      await world.pause()
      if (transaction.partitions.has(index)) continue
      if (producer.write('t', index, [transaction.name]).kind !== 'appended') return false
      transaction.partitions.add(index)
    }
    if (world.chance(2)) {
      const staged = await producer.stage(this.group, this.#round, true)
      if (staged.kind !== 'staged' || staged.offsets[0] !== undefined) return false
      transaction.offset = this.#round
    }
    // A client commits when all its records are acknowledged; those of an earlier life may be lost.
    const isDurable = await world.bench.session.durable().then(
      () => true,
      () => false,
    )
    return isDurable && life === world.life
  }

  async #end(transaction: Transaction): Promise<void> {
    const { world, producer } = this
    const outcome = world.chance(3) ? 'abort' : 'commit'
    const renews = world.chance(2)
    for (let isFirst = true; ; isFirst = false) {
      const answer = await producer.end(outcome, renews)
      if (answer.kind === 'producer') {
        transaction.fate = outcome === 'commit' ? 'committed' : 'aborted'
        if (renews) producer.become(answer)
        return
      }
      if (answer.why === 'fenced' || answer.why === 'invalid-state') {
        // Out of time, or nobody knows what became of the first try.
        if (outcome === 'commit' && !isFirst) transaction.fate = 'unknown'
        return this.open()
      }
      expect(['unavailable', 'concurrent']).toContain(answer.why)
      if (world.chance(4)) {
        if (outcome === 'commit') transaction.fate = 'unknown'
        return this.open()
      }
      await world.pause()
    }
  }
}

async function simulate(seed: number): Promise<Record<Fate, number>> {
  const bench = await StreamBench.open(new MemoryStorage(512))
  await bench.create('source')
  await bench.create('t', PARTITION_COUNT)
  const world = new World(bench, seededRandom(seed))
  const actors = Array.from({ length: PRODUCER_COUNT }, (_, index) => new Actor(world, `p${index}`))
  const disturbing = world.disturb()
  await Promise.all(actors.map((actor) => actor.run()))
  world.isOver = true
  await disturbing
  // Whatever is still open ends here.
  await Promise.all(actors.map((actor) => actor.open()))
  const counts = await judge(world, actors)
  await bench.broker.close()
  return counts
}

async function judge({ bench }: World, actors: readonly Actor[]): Promise<Record<Fate, number>> {
  const seen: string[][] = []
  for (let index = 0; index < PARTITION_COUNT; index++) {
    const { lastStableOffset, highWatermark } = bench.partition('t', index)
    expect(lastStableOffset).toBe(highWatermark)
    seen.push(await committedValues(bench, 't', index))
  }
  const counts = { committed: 0, aborted: 0, unknown: 0 }
  const expected = seen.map((): string[] => [])
  for (const actor of actors) {
    let offset = -1
    for (const transaction of actor.done) {
      const { name, fate, partitions } = transaction
      counts[fate]++
      const isVisible = fate === 'unknown' ? isSeen(seen, transaction) : fate === 'committed'
      if (!isVisible) continue
      for (const index of partitions) expected[index]!.push(name)
      if (transaction.offset >= 0) offset = transaction.offset
    }
    expect(committedOffset(bench, actor.group)).toBe(offset)
    expect(isUnstable(bench, actor.group)).toBe(false)
  }
  for (const [index, values] of seen.entries()) {
    expect([...values].sort()).toEqual([...expected[index]!].sort())
    // Of one producer in the order it wrote.
    for (const actor of actors) {
      const own = values
        .filter((value) => value.startsWith(`${actor.name}/`))
        .map((value) => Number(value.split('/')[1]))
      expect(own).toEqual([...own].sort((a, b) => a - b))
    }
  }
  return counts
}

/** Where nobody was told: what one partition says must hold for all. */
function isSeen(seen: readonly string[][], { name, partitions }: Transaction): boolean {
  const [first] = partitions
  return first !== undefined && seen[first]!.includes(name)
}

test('transactions: many producers, kills and timeouts: all or nothing, and as told', async () => {
  const total = { committed: 0, aborted: 0, unknown: 0 }
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const counts = await simulate(seed)
      for (const fate of ['committed', 'aborted', 'unknown'] as const) total[fate] += counts[fate]
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  // The chances are such that there is enough of each.
  expect(total.committed).toBeGreaterThan(200)
  expect(total.aborted).toBeGreaterThan(200)
  expect(total.unknown).toBeGreaterThan(0)
})
