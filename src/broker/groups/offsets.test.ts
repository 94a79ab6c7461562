import { expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { CoordinatorBench, groupWorlds } from './coordinator.test-kit.ts'

/** The plain rule: every write has a place in order; a transaction's writes count with the place of their staging. */
class Model {
  readonly #committed = new Map<string, { offset: number; order: number }>()
  readonly #staged: { producerId: number; name: string; offset: number; order: number }[] = []
  #order = 0

  commit(offsets: Readonly<Record<string, number>>): void {
    for (const [name, offset] of Object.entries(offsets)) this.#committed.set(name, { offset, order: this.#order })
    this.#order++
  }

  stage(producerId: number, offsets: Readonly<Record<string, number>>): void {
    for (const [name, offset] of Object.entries(offsets)) {
      this.#staged.push({ producerId, name, offset, order: this.#order })
    }
    this.#order++
  }

  end(producerId: number, outcome: 'commit' | 'abort'): void {
    for (const staged of this.#staged.filter((one) => one.producerId === producerId)) {
      this.#staged.splice(this.#staged.indexOf(staged), 1)
      const known = this.#committed.get(staged.name)
      if (outcome === 'commit' && (known === undefined || known.order < staged.order)) {
        this.#committed.set(staged.name, staged)
      }
    }
  }

  forget(stream: string): void {
    for (const name of [...this.#committed.keys()]) if (name.startsWith(`${stream} `)) this.#committed.delete(name)
    for (const staged of [...this.#staged]) {
      if (staged.name.startsWith(`${stream} `)) this.#staged.splice(this.#staged.indexOf(staged), 1)
    }
  }

  get committed(): Record<string, number> {
    const entries = [...this.#committed].map(([name, { offset }]): [string, number] => [name, offset])
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  isUnstable(name: string): boolean {
    return this.#staged.some((staged) => staged.name === name)
  }
}

const STREAMS = ['jobs', 'logs']
const GROUPS = ['a', 'b', 'c']

async function run(world: string, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const bench = await CoordinatorBench.open(groupWorlds.find(({ name }) => name === world)!.make())
  const models = new Map(GROUPS.map((group) => [group, new Model()]))
  const any = <T>(values: readonly T[]): T => values[random.below(values.length)] as T
  const offsets = (): Record<string, number> => {
    const count = 1 + random.below(3)
    return Object.fromEntries(
      Array.from({ length: count }, () => [`${any(STREAMS)} ${random.below(3)}`, random.below(1000)]),
    )
  }
  const pending: Promise<unknown>[] = []
  for (let step = 0; step < 250; step++) {
    const group = any(GROUPS)
    const model = models.get(group) as Model
    const producerId = random.below(3)
    const given = offsets()
    switch (random.below(12)) {
      case 0: {
        const outcome = any(['commit', 'abort'] as const)
        pending.push(bench.groups.endStaged(producerId, outcome))
        for (const each of models.values()) each.end(producerId, outcome)
        break
      }
      case 1:
        // Forgets what is durable: so everything has to be, for both to mean the same.
        await Promise.all(pending)
        bench.groups.forgetStream('logs')
        for (const each of models.values()) each.forget('logs')
        break
      case 2:
        bench.snapshotAll()
        break
      case 3:
        await Promise.all(pending)
        if (random.below(3) === 0) await bench.restart()
        break
      case 4:
      case 5:
      case 6:
        pending.push(bench.stage(group, producerId, given))
        model.stage(producerId, given)
        break
      default:
        pending.push(bench.commit(group, given))
        model.commit(given)
    }
  }
  await Promise.all(pending)
  // Nobody waits for forgetting.
  await bench.settled()
  agrees(bench, models)
  await bench.restart()
  agrees(bench, models)
  await bench.close()
}

function agrees(bench: CoordinatorBench, models: ReadonlyMap<string, Model>): void {
  for (const [group, model] of models) {
    expect(bench.committed(group), `group ${group}`).toEqual(model.committed)
    for (const stream of STREAMS) {
      for (let partition = 0; partition < 3; partition++) {
        expect(bench.isUnstable(group, stream, partition)).toBe(model.isUnstable(`${stream} ${partition}`))
      }
    }
  }
}

const runs = groupWorlds.flatMap(({ name }) => Array.from({ length: 8 }, (_, index) => ({ name, seed: index + 1 })))

test.each(runs)('offsets agree with the plain rule, on $name, run $seed', ({ name, seed }) => run(name, seed))
