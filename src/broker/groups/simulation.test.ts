/**
 * Many clients with random habits against one group: they come, sync late, change, crash, lose connections, are started
 * again under their instance id, and leave. Whatever happens, the rules of a group hold; when everybody behaves again the
 * group becomes stable with exactly those who are there.
 */
import { describe, expect, test } from 'vitest'
import { type Random, seededRandom } from '../../base/random.ts'
import type { GroupRefusal, JoinAnswer, SyncAnswer } from './group-door.ts'
import { type Asked, GroupBench, type Joined, type JoinOptions } from './membership.test-kit.ts'

const NAMES = ['range', 'robin', 'sticky']

/** What all clients of a run have seen, generation by generation. */
class Witness {
  readonly #protocols = new Map<number, string>()
  readonly #leaders = new Map<number, string>()

  joined(who: string, answer: Joined): void {
    const { generation, protocol, members, skipAssignment } = answer
    const known = this.#protocols.get(generation) ?? protocol
    expect(protocol, `protocol of generation ${generation}`).toBe(known)
    this.#protocols.set(generation, protocol)
    if (members.length === 0 || skipAssignment) return
    const leader = this.#leaders.get(generation) ?? who
    expect(who, `leader of generation ${generation}`).toBe(leader)
    this.#leaders.set(generation, leader)
    expect(answer.leader).toBe(answer.memberId)
    expect(new Set(members.map(({ memberId }) => memberId)).size).toBe(members.length)
  }
}

class Client {
  readonly name: string
  readonly #bench: GroupBench
  readonly #witness: Witness
  readonly #random: Random
  readonly #instance: string | undefined
  readonly #learnsId: boolean
  #id = ''
  #join: Asked<JoinAnswer> | undefined
  #sync: Asked<SyncAnswer> | undefined
  #answered: Joined | undefined
  #isSynced = false
  #taste = 0
  isRunning = true

  constructor(name: string, isStatic: boolean, bench: GroupBench, witness: Witness, random: Random) {
    this.name = name
    this.#bench = bench
    this.#witness = witness
    this.#random = random
    this.#instance = isStatic ? name : undefined
    this.#learnsId = random.below(2) === 0
  }

  get isSettled(): boolean {
    return this.#isSynced
  }

  get memberId(): string {
    return this.#id
  }

  get isWaiting(): boolean {
    return this.#join?.isWaiting === true || this.#sync?.isWaiting === true
  }

  #options(): JoinOptions {
    const id = this.#id === '' ? {} : { id: this.#id }
    const instance = this.#instance === undefined ? {} : { instance: this.#instance }
    const first = NAMES[this.#taste % NAMES.length] as string
    return {
      ...id,
      ...instance,
      learnsId: this.#learnsId,
      skipsAssignment: this.#learnsId,
      // Everybody knows 'range', so that everybody fits.
      protocols: { [first]: this.name, range: this.name },
      rebalanceTimeoutMs: 15_000,
      clientId: this.name,
    }
  }

  /** One step of a client that does what clients do. */
  async act(): Promise<void> {
    this.#hear()
    if (this.isWaiting) return
    if (this.#answered === undefined) {
      this.#join = await this.#bench.join(this.#options())
      this.#hear()
    } else if (!this.#isSynced) {
      const { generation, members, skipAssignment } = this.#answered
      const given = members.map(({ memberId, instanceId }) => [
        memberId,
        `${generation} ${instanceId ?? nameOf(memberId)}`,
      ])
      const said = this.#instance === undefined ? {} : { instance: this.#instance }
      this.#sync = await this.#bench.sync(this.#answered, skipAssignment ? {} : Object.fromEntries(given), said)
      this.#hear()
    } else this.#refused(this.#bench.heartbeat(this.#answered, this.#instance))
  }

  #hear(): void {
    const joined = this.#join?.answer
    const synced = this.#sync?.answer
    if (joined !== undefined) this.#join = undefined
    if (synced !== undefined) this.#sync = undefined
    if (joined?.kind === 'joined') {
      this.#answered = joined
      this.#id = joined.memberId
      this.#witness.joined(this.name, joined)
      expect(['range', NAMES[this.#taste % NAMES.length]]).toContain(joined.protocol)
    } else if (joined?.why === 'member-id-required') this.#id = joined.memberId
    else this.#refused(joined?.why)
    if (synced?.kind === 'synced') {
      this.#isSynced = true
      expect(synced.assignment.toString()).toBe(`${this.#answered?.generation} ${this.name}`)
    } else this.#refused(synced?.why)
  }

  #refused(why: GroupRefusal | undefined): void {
    if (why === undefined) return
    if (why === 'fenced-instance') throw new Error(`${this.name} is fenced, but runs once only`)
    if (why === 'unknown-member' || why === 'illegal-generation') this.#id = ''
    this.#forget()
  }

  #forget(): void {
    this.#answered = undefined
    this.#isSynced = false
    this.#join = undefined
    this.#sync = undefined
  }

  /** Something that goes wrong, or is changed. */
  async misbehave(): Promise<void> {
    switch (this.#random.below(5)) {
      case 0: // The connection is gone; the client does not know what became of its request.
        this.#join?.connection.abort()
        this.#sync?.connection.abort()
        return
      case 1: // The process is gone, with or without its connection being seen to go.
        return this.stop(this.#random.below(2) === 0)
      case 2:
        if (this.isWaiting) return
        this.#taste++
        return this.#forget()
      case 3:
        if (!this.isWaiting && this.#answered !== undefined) this.#leave()
        return
      default: // Slow: nothing at all for a while.
        return this.#bench.advance(this.#random.below(4000))
    }
  }

  #leave(): void {
    this.#bench.membership.leave({ memberId: this.#id, instanceId: this.#instance })
    this.#id = ''
    this.#forget()
  }

  stop(isSeen: boolean): void {
    if (isSeen) {
      this.#join?.connection.abort()
      this.#sync?.connection.abort()
    }
    this.isRunning = false
    this.#id = ''
    this.#forget()
  }
}

const nameOf = (memberId: string): string => memberId.slice(0, memberId.indexOf('-'))

async function run(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const bench = new GroupBench({ initialRebalanceDelayMs: random.below(2) * 1000, newMemberTimeoutMs: 40_000 })
  const witness = new Witness()
  const clients = Array.from({ length: 2 + random.below(8) }, (_, index) => {
    return new Client(`c${index}`, random.below(3) === 0, bench, witness, random)
  })
  bench.storesAtOnce = random.below(2) === 0
  let generation = 0
  for (let step = 0; step < 300; step++) {
    const client = clients[random.below(clients.length)] as Client
    if (!client.isRunning) client.isRunning = random.below(4) === 0
    else if (random.below(6) === 0) await client.misbehave()
    else await client.act()
    if (random.below(3) === 0) await bench.advance(random.below(1500))
    if (random.below(4) === 0) await bench.commit()
    expect(bench.membership.generation).toBeGreaterThanOrEqual(generation)
    generation = bench.membership.generation
  }
  await settle(bench, clients)
}

async function settle(bench: GroupBench, clients: readonly Client[]): Promise<void> {
  bench.storesAtOnce = true
  await bench.commit()
  for (let beats = 0; beats < 100; beats++) {
    for (const client of clients) if (client.isRunning) await client.act()
    await bench.advance(1000)
  }
  const running = clients.filter(({ isRunning }) => isRunning)
  expect(running.filter(({ isWaiting }) => isWaiting).map(({ name }) => name)).toEqual([])
  expect(running.every(({ isSettled }) => isSettled)).toBe(true)
  const members = bench.membership.describe().map(({ memberId }) => memberId)
  expect(members.sort()).toEqual(running.map(({ memberId }) => memberId).sort())
  expect(bench.membership.state).toBe(running.length === 0 ? 'empty' : 'stable')
  for (const client of clients) client.stop(true)
  await bench.advance(200_000)
  expect(bench.membership.state).toBe('empty')
  expect(bench.membership.isDeserted).toBe(true)
  expect(bench.clock.pendingTimerCount).toBe(0)
}

describe('a group of clients with bad habits', () => {
  for (let seed = 1; seed <= 60; seed++) {
    test(`keeps its rules and settles, run ${seed}`, () => run(seed))
  }
})
