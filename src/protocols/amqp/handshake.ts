/**
 * From the protocol header to an open vhost: what is offered, what is accepted, and how a client that fails is turned
 * away. Sends through its host and owns no socket or timer.
 *
 *     start-ok expected ──► tune-ok expected ──► open expected ──► done
 *         any other method, any fault: the connection is dropped without a word, as RabbitMQ does it, except that a
 *         refused login (if the client understands) and a refused vhost are told.
 */

import type { Users } from '../../access/users.ts'
import { bool, type FieldTable, type FieldValue, longstr } from '../../base/field-value.ts'
import type { Session } from '../../broker/session.ts'
import { type Answer, answerTo } from './refusals.ts'
import { mechanisms } from './sasl.ts'
import { type AmqpSettings, FRAME_MAX_LOWEST } from './settings.ts'
import { type Method, type MethodOf, methodNumber } from './wire/method-schema.ts'
import { makeMethod } from './wire/methods.ts'
import { replyText } from './wire/reply-codes.ts'

/** What the two sides have agreed on. */
export interface Agreement {
  readonly session: Session
  readonly user: string
  readonly frameMax: number
  readonly channelMax: number
  readonly heartbeatSeconds: number
  /** Capabilities of the client. */
  readonly tellsCancels: boolean
  readonly tellsBlocked: boolean
}

export interface HandshakeHost {
  send(method: Method): void
  /** Closes without a word. */
  drop(why: string, delayMs: number): void
  /** Sends a connection.close. */
  refuse(answer: Answer, cause: unknown): void
  openSession(user: string, vhost: string): Session
  opened(agreement: Agreement): void
}

export interface HandshakeOptions {
  readonly settings: AmqpSettings
  readonly users: Users
  readonly peerAddress: string | undefined
}

const CAPABILITIES: readonly string[] = [
  'publisher_confirms',
  'exchange_exchange_bindings',
  'basic.nack',
  'consumer_cancel_notify',
  'connection.blocked',
  'consumer_priorities',
  'authentication_failure_close',
  'per_consumer_qos',
  'direct_reply_to',
]

export class Handshake {
  readonly #host: HandshakeHost
  readonly #options: HandshakeOptions
  #expects: 'connection.start-ok' | 'connection.tune-ok' | 'connection.open' = 'connection.start-ok'
  #user = ''
  #capabilities: FieldTable = new Map()
  #frameMax = 0
  #channelMax = 0
  #heartbeatSeconds = 0

  constructor(host: HandshakeHost, options: HandshakeOptions) {
    this.#host = host
    this.#options = options
  }

  /** The protocol header was right. */
  start(): void {
    this.#host.send(
      makeMethod('connection.start', {
        versionMajor: 0,
        versionMinor: 9,
        serverProperties: serverProperties(this.#options.settings),
        mechanisms: [...mechanisms.keys()].join(' '),
        locales: 'en_US',
      }),
    )
  }

  method(method: Method): void {
    if (method.kind !== this.#expects) return this.#drop(`${method.kind} came where ${this.#expects} was expected`)
    switch (method.kind) {
      case 'connection.start-ok':
        return this.#logIn(method)
      case 'connection.tune-ok':
        return this.#tune(method)
      case 'connection.open':
        return this.#open(method)
    }
  }

  #drop(why: string): void {
    this.#host.drop(why, 0)
  }

  #logIn(method: MethodOf<'connection.start-ok'>): void {
    const capabilities = method.clientProperties.get('capabilities')
    if (capabilities?.type === 'F') this.#capabilities = capabilities.value
    const read = mechanisms.get(method.mechanism)
    if (read === undefined) return this.#drop(`unknown authentication mechanism '${method.mechanism}'`)
    const { users, peerAddress, settings } = this.#options
    const given = read(method.response)
    const user = given && users.verify(given.user, given.password, peerAddress)
    if (user === undefined) return this.#refuseLogin(method.mechanism, given?.user)
    this.#user = user.name
    this.#expects = 'connection.tune-ok'
    const { channelMax, frameMax, heartbeatSeconds } = settings
    this.#host.send(makeMethod('connection.tune', { channelMax, frameMax, heartbeat: heartbeatSeconds }))
  }

  #refuseLogin(mechanism: string, user: string | undefined): void {
    const why = `login of '${user ?? ''}' with ${mechanism} was refused`
    if (!this.#isCapable('authentication_failure_close')) {
      return this.#host.drop(why, this.#options.settings.refusalDelayMs)
    }
    const text = `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`
    const answer = { replyCode: 403, replyText: replyText(403, text), classId: 0, methodId: 0 } as const
    this.#host.refuse({ ends: 'connection', fault: 'client', ...answer }, why)
  }

  /** The client may ask for less than offered; 0 takes what is offered. Of the heartbeat its own value counts. */
  #tune(method: MethodOf<'connection.tune-ok'>): void {
    const { settings } = this.#options
    const frameMax = method.frameMax === 0 ? settings.frameMax : method.frameMax
    const channelMax = method.channelMax === 0 ? settings.channelMax : method.channelMax
    if (frameMax < FRAME_MAX_LOWEST) return this.#drop(`frame_max ${frameMax} is lower than ${FRAME_MAX_LOWEST}`)
    if (frameMax > settings.frameMax) return this.#drop(`frame_max ${frameMax} is above our ${settings.frameMax}`)
    if (channelMax > settings.channelMax) {
      return this.#drop(`channel_max ${channelMax} is above our ${settings.channelMax}`)
    }
    this.#frameMax = frameMax
    this.#channelMax = channelMax
    this.#heartbeatSeconds = method.heartbeat
    this.#expects = 'connection.open'
  }

  #open(method: MethodOf<'connection.open'>): void {
    let session: Session
    try {
      session = this.#host.openSession(this.#user, method.virtualHost)
    } catch (error) {
      return this.#host.refuse(answerTo(error, methodNumber('connection.open')), error)
    }
    this.#host.send(makeMethod('connection.open-ok'))
    this.#host.opened({
      session,
      user: this.#user,
      frameMax: this.#frameMax,
      channelMax: this.#channelMax,
      heartbeatSeconds: this.#heartbeatSeconds,
      tellsCancels: this.#isCapable('consumer_cancel_notify'),
      tellsBlocked: this.#isCapable('connection.blocked'),
    })
  }

  #isCapable(name: string): boolean {
    const value = this.#capabilities.get(name)
    return value?.type === 't' && value.value
  }
}

function serverProperties({ identity }: AmqpSettings): FieldTable {
  const capabilities: FieldTable = new Map(CAPABILITIES.map((name) => [name, bool(true)]))
  return new Map<string, FieldValue>([
    ['capabilities', { type: 'F', value: capabilities }],
    ['cluster_name', longstr(identity.clusterName)],
    ['copyright', longstr(identity.copyright)],
    ['information', longstr(identity.information)],
    ['platform', longstr(identity.platform)],
    ['product', longstr(identity.product)],
    ['version', longstr(identity.version)],
  ])
}
