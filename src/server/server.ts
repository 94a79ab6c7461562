/**
 * Puts a broker together and takes it apart again. Also the way to embed one: `startServer(defaultConfig({ ... }), ...)`.
 *
 *     start: listeners are checked ─► storage ─► broker recovers ─► protocols ─► listeners accept
 *     stop:  listeners refuse ─► protocols say goodbye ─► broker writes its last ─► storage closes ─► ports are free
 */
import { type Clock, systemClock } from '../base/clock.ts'
import type { StorageError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import type { Config } from '../config/options.ts'
import { BatchFormats } from '../message/batch-format.ts'
import { MessageFormats } from '../message/message-format.ts'
import { type ConnectionLimit, type Listener, listen } from '../net/listener.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type Logger, silentLogger } from '../telemetry/logger.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { clusterIdOf } from './cluster-id.ts'
import { type PlannedListener, planListeners } from './listen-plan.ts'
import type { ProtocolMaker, ServerParts, SharedParts, Surroundings } from './parts.ts'

export interface RunningServer {
  /** Where to connect, by scheme: `{ amqp: 'amqp://127.0.0.1:5672' }`; further listeners of a scheme are `amqp-2`, ... */
  readonly endpoints: Readonly<Record<string, string>>
  readonly metrics: Metrics
  /** Resolves if storage fails for good: every client has been told, and all that is left to do is to stop. */
  readonly failed: Promise<StorageError>
  /** Nothing acknowledged is lost; every connection was told. Harmless when repeated. */
  stop(): Promise<void>
}

export interface ServerOptions {
  readonly logger?: Logger
  readonly clock?: Clock
  readonly random?: Random
}

/**
 * Resolves when clients can connect. When a step fails, what was started before it is stopped again.
 * @throws {ConfigError} a listener that makes no sense; {NetError} a port that cannot be had; {StorageError} a data
 *   directory that cannot be used
 */
export async function startServer(
  config: Config,
  parts: ServerParts,
  options: ServerOptions = {},
): Promise<RunningServer> {
  const surroundings: Surroundings = {
    config,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    logger: options.logger ?? silentLogger,
    metrics: new Metrics(),
  }
  const undo = new Undo(surroundings.logger)
  let fail: (failure: StorageError) => void
  const failed = new Promise<StorageError>((resolve) => {
    fail = resolve
  })
  try {
    const planned = await planListeners(config, parts.protocols)
    const protocols = await startParts(planned, parts, surroundings, undo, (failure) => fail(failure))
    const endpoints = await startListeners(planned, protocols, surroundings, undo)
    return { endpoints, metrics: surroundings.metrics, failed, stop: () => undo.run() }
  } catch (error) {
    // A failure to stop was logged; the reason for stopping is what the caller must see.
    await undo.run().catch(() => {})
    throw error
  }
}

async function startParts(
  planned: readonly PlannedListener[],
  parts: ServerParts,
  surroundings: Surroundings,
  undo: Undo,
  onFailure: (failure: StorageError) => void,
): Promise<Map<ProtocolMaker, Protocol>> {
  const storage = await parts.openStorage(surroundings)
  undo.add('storage', () => storage.close())
  const formats = new MessageFormats()
  const batches = new BatchFormats()
  for (const { format, batchFormat } of parts.protocols) {
    if (format !== undefined) formats.register(format)
    if (batchFormat !== undefined) batches.register(batchFormat)
  }
  const door = await parts.openBroker({ storage, formats, batches, onFailure }, surroundings)
  undo.add('broker', () => door.close())
  const users = parts.makeUsers(surroundings)
  const shared: SharedParts = { formats, clusterId: await clusterIdOf(storage.meta, surroundings.random) }
  const { clock, random, metrics } = surroundings
  const protocols = new Map<ProtocolMaker, Protocol>()
  for (const { maker } of planned) {
    if (protocols.has(maker)) continue
    const logger = surroundings.logger.child({ component: maker.schemes[0]!.name })
    const protocol = maker.make({ door, users, clock, random, logger, metrics }, surroundings.config, shared)
    protocols.set(maker, protocol)
    undo.add(protocol.name, () => protocol.stop())
  }
  return protocols
}

async function startListeners(
  planned: readonly PlannedListener[],
  protocols: ReadonlyMap<ProtocolMaker, Protocol>,
  { config, logger, metrics }: Surroundings,
  undo: Undo,
): Promise<Record<string, string>> {
  const limit: ConnectionLimit = { max: config.connectionCountMax, count: 0 }
  metrics.observed('busbar_connections', 'Open connections.', () => limit.count)
  const refused = metrics.counter('busbar_connections_refused_total', 'Connections turned away at the limit.')
  const endpoints: Record<string, string> = {}
  const listeners: Listener[] = []
  undo.add('listeners', async () => {
    for (const listener of listeners) listener.stopAccepting()
  })
  undo.addLast('listeners', async () => {
    await Promise.all(listeners.map((listener) => listener.close()))
  })
  for (const { url, scheme, maker, tls } of planned) {
    const protocol = protocols.get(maker)!
    const listener = await listen({
      url,
      tls,
      limit,
      defaultPort: scheme.defaultPort,
      onConnection: (socket) => protocol.accept(socket, url),
      onRefused: () => refused.value++,
      onError: (error) => logger.error('a listener failed to accept', { error }),
    })
    listeners.push(listener)
    endpoints[freeKey(endpoints, scheme.name)] = listener.endpoint
  }
  return endpoints
}

function freeKey(taken: Readonly<Record<string, string>>, name: string): string {
  for (let count = 1; ; count++) {
    const key = count === 1 ? name : `${name}-${count}`
    if (taken[key] === undefined) return key
  }
}

/** What has been started, to be stopped from the last to the first. */
class Undo {
  #steps: { name: string; run: () => Promise<void> }[] = []
  #logger: Logger
  #done: Promise<void> | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(name: string, run: () => Promise<void>): void {
    this.#steps.push({ name, run })
  }

  /** Runs after everything that was added before. */
  addLast(name: string, run: () => Promise<void>): void {
    this.#steps.unshift({ name, run })
  }

  run(): Promise<void> {
    this.#done ??= this.#runAll()
    return this.#done
  }

  /** A step that fails must not keep the later ones from running: a storage left open is worse. */
  async #runAll(): Promise<void> {
    const failures: unknown[] = []
    for (const { name, run } of this.#steps.reverse()) {
      try {
        await run()
      } catch (error) {
        this.#logger.error(`stopping ${name} failed`, { error })
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the server did not stop cleanly')
  }
}
