/**
 * Kafka as the server sees it: takes sockets, keeps their connections, ends them in order. Everything that happens on a
 * connection is in connection.ts and below.
 */
import type { Socket } from 'node:net'
import type { MessageFormats } from '../../message/message-format.ts'
import type { Counter } from '../../telemetry/metrics.ts'
import type { Protocol, ProtocolContext, Scheme } from '../protocol.ts'
import { ADVERTISE, type AdvertisedAddress, advertisedOf, dialledAddress } from './advertised.ts'
import { Connection } from './connection.ts'
import { FetchSessionIds } from './fetch-session.ts'
import { defaultKafkaSettings, type KafkaSettings } from './settings.ts'
import { UnreadBudget } from './unread-budget.ts'

const DEFAULT_PORT = 9092

export const kafkaSchemes: readonly Scheme[] = [
  { name: 'kafka', defaultPort: DEFAULT_PORT, tls: false, parameters: [ADVERTISE] },
  { name: 'kafka+ssl', defaultPort: 9093, tls: true, parameters: [ADVERTISE] },
]

export class KafkaProtocol implements Protocol {
  readonly name = 'kafka'
  readonly schemes = kafkaSchemes
  readonly #context: ProtocolContext
  readonly #formats: MessageFormats
  readonly #settings: KafkaSettings
  readonly #unread: UnreadBudget
  readonly #fetchSessionIds = new FetchSessionIds()
  readonly #connections = new Set<Connection>()
  readonly #requestCount: Counter
  #isStopping = false
  /** Called when the last connection is gone. */
  #stopped: (() => void)[] = []

  constructor(context: ProtocolContext, formats: MessageFormats, settings: KafkaSettings = defaultKafkaSettings) {
    this.#context = context
    this.#formats = formats
    this.#settings = settings
    this.#unread = new UnreadBudget(settings.unreadBytesMax)
    this.#requestCount = context.metrics.counter('busbar_kafka_requests_total', 'Requests of Kafka clients.')
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  accept(socket: Socket, listener: URL): void {
    if (this.#isStopping) {
      socket.destroy()
      return
    }
    const connection = new Connection(socket, {
      protocol: this.#context,
      settings: this.#settings,
      formats: this.#formats,
      fetchSessionIds: this.#fetchSessionIds,
      unread: this.#unread,
      advertised: this.#advertised(socket, listener),
      logger: this.#context.logger,
      requestCount: this.#requestCount,
      onGone: (gone) => this.#gone(gone),
    })
    this.#connections.add(connection)
  }

  /** Decided once a connection: all its answers must name the same place. */
  #advertised(socket: Socket, listener: URL): AdvertisedAddress {
    return advertisedOf(listener) ?? this.#settings.advertise ?? dialledAddress(socket, DEFAULT_PORT)
  }

  #gone(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    for (const resolve of this.#stopped.splice(0)) resolve()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    if (this.#connections.size === 0) return
    const stopped = new Promise<void>((resolve) => this.#stopped.push(resolve))
    for (const connection of this.#connections) connection.close({ kind: 'shutdown' })
    await stopped
  }
}
