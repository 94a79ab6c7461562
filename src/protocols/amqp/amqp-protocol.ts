/**
 * AMQP 0-9-1 as the server sees it: takes sockets, keeps their connections, says goodbye to them. Everything that happens
 * on a connection is in connection.ts and below.
 */
import type { Socket } from 'node:net'
import type { Protocol, ProtocolContext, Scheme } from '../protocol.ts'
import { Connection } from './connection.ts'
import { type AmqpSettings, defaultAmqpSettings } from './settings.ts'
import { NameCache } from './wire/name-cache.ts'

export const amqpSchemes: readonly Scheme[] = [
  { name: 'amqp', defaultPort: 5672, tls: false },
  { name: 'amqps', defaultPort: 5671, tls: true },
]

export class AmqpProtocol implements Protocol {
  readonly name = 'amqp'
  readonly schemes = amqpSchemes
  readonly #context: ProtocolContext
  readonly #settings: AmqpSettings
  readonly #names = new NameCache()
  readonly #connections = new Set<Connection>()
  #isStopping = false
  /** Called when the last connection is gone. */
  #stopped: (() => void)[] = []

  constructor(context: ProtocolContext, settings: AmqpSettings = defaultAmqpSettings) {
    this.#context = context
    this.#settings = settings
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  accept(socket: Socket): void {
    if (this.#isStopping) {
      socket.destroy()
      return
    }
    const connection = new Connection(socket, {
      protocol: this.#context,
      settings: this.#settings,
      names: this.#names,
      logger: this.#context.logger,
      onGone: (gone) => this.#gone(gone),
    })
    this.#connections.add(connection)
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
