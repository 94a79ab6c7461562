/**
 * The brokers that are measured against each other. All of them run for the whole of the load rows, idle while another has
 * its turn, and every run takes the next one's turn: what changes on the machine meanwhile changes for all.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startBusbar } from './brokers/busbar.ts'
import type { RunningBroker, StartRabbitmq } from './brokers/running-broker.ts'
import { BUSBAR } from './report/report.ts'

export const BUSBAR_OS = 'busbar --durability os'

export interface Contender {
  readonly name: string
  readonly broker: RunningBroker
}

export interface Ground {
  /** The file that starts busbar. */
  readonly launcher: string
  /** A directory of this bench's own, removed at its end. */
  readonly home: string
  readonly startRabbitmq: StartRabbitmq | undefined
  /** RabbitMQ's name with its version; undefined where it does not take part. */
  readonly rabbitmqName: string | undefined
  /** Whatever has to be ended should the bench be broken off. */
  readonly running: Set<RunningBroker>
  say(line: string): void
}

export async function startContenders(ground: Ground, withOs: boolean): Promise<Contender[]> {
  const contenders = [{ name: BUSBAR, broker: await startOwn(ground, 'flush') }]
  if (withOs) contenders.push({ name: BUSBAR_OS, broker: await startOwn(ground, 'os') })
  if (ground.rabbitmqName !== undefined) {
    const rabbitmq = await ground.startRabbitmq?.()
    if (rabbitmq !== undefined) contenders.push({ name: ground.rabbitmqName, broker: kept(ground, rabbitmq) })
  }
  return contenders
}

async function startOwn(ground: Ground, durability: 'flush' | 'os'): Promise<RunningBroker> {
  const data = join(ground.home, `load-${durability}`)
  await mkdir(data, { recursive: true })
  return kept(ground, await startBusbar(ground.launcher, data, ['--durability', durability]))
}

/** Remembers a broker until it is stopped. */
export function kept<B extends RunningBroker>(ground: Ground, broker: B): B {
  ground.running.add(broker)
  return broker
}

export async function end(ground: Ground, broker: RunningBroker): Promise<void> {
  ground.running.delete(broker)
  await broker.stop()
}
