/** What a probe case works with: connections that are closed behind it, and names nobody else uses. */
import type { MethodArguments, MethodKind } from '../../../src/protocols/amqp/wire/method-schema.ts'
import type { Properties } from '../../../src/protocols/amqp/wire/properties.ts'
import { type Handshake, Peer, type Received } from './peer.ts'
import { shown } from './shown.ts'

export type ProbeCase = readonly [name: string, run: (stage: Stage) => Promise<string>]

/** A method to call: its kind and what is not zero, false or empty in it. */
export type Call = { [K in MethodKind]: readonly [kind: K, given?: Partial<MethodArguments<K>>] }[MethodKind]

/** Publishes beside the channel under test, in confirm mode, so that a case knows when its messages have arrived. */
const FEEDING_CHANNEL = 99

export class Stage {
  readonly port: number
  readonly #suffix: string
  readonly #peers: Peer[] = []
  readonly #feeding = new Set<Peer>()

  constructor(port: number, suffix: string) {
    this.port = port
    this.#suffix = suffix
  }

  /** A name of this run alone. `shown` takes the difference out again. */
  name(short: string): string {
    return `${short}${this.#suffix}`
  }

  shown(received: Received): string {
    return shown(received).replaceAll(this.#suffix, '')
  }

  async hello(bytes: Buffer): Promise<Received> {
    return (await this.#connect(bytes)).next()
  }

  /** The server's last word in a handshake like this. */
  async handshake(handshake: Handshake): Promise<Received> {
    return (await this.#connect()).open(handshake)
  }

  /** An open connection. */
  async peer(handshake: Handshake = {}): Promise<Peer> {
    const peer = await this.#connect()
    const opened = await peer.open(handshake)
    if (!isMethod(opened, 'connection.open-ok')) throw new Error(`the handshake ended with ${shown(opened)}`)
    return peer
  }

  /** An open connection with channel 1 open. */
  async channel(handshake: Handshake = {}): Promise<Peer> {
    const peer = await this.peer(handshake)
    await this.expect(peer, 1, 'channel.open')
    return peer
  }

  /**
   * Calls these on channel 1 of a new connection, each after the answer to the one before, and shows the last answer.
   * It is the last one when it closes the channel or the connection, for then nothing more is answered.
   */
  async lastAnswer(...calls: Call[]): Promise<string> {
    const peer = await this.channel()
    let answer: Received = { kind: 'closed' }
    for (const [kind, given] of calls) {
      answer = await peer.call(1, kind, given)
      if (answer.kind === 'closed' || isMethod(answer, 'channel.close') || isMethod(answer, 'connection.close')) break
    }
    return this.shown(answer)
  }

  /** A call that must be answered with its -ok: it prepares what the case is about. */
  async expect<K extends MethodKind>(
    peer: Peer,
    channel: number,
    kind: K,
    given: Partial<MethodArguments<K>> = {},
  ): Promise<Received> {
    const answer = await peer.call(channel, kind, given)
    if (answer.kind === 'method' && answer.method.kind === `${kind}-ok`) return answer
    throw new Error(`${kind} was answered with ${this.shown(answer)}`)
  }

  /** Puts messages into a queue, one for each body; answers when the server has them. */
  async feed(peer: Peer, queue: string, bodies: readonly string[], properties: Properties = {}): Promise<void> {
    if (!this.#feeding.has(peer)) {
      this.#feeding.add(peer)
      await this.expect(peer, FEEDING_CHANNEL, 'channel.open')
      await this.expect(peer, FEEDING_CHANNEL, 'confirm.select')
    }
    for (const body of bodies) {
      peer.publish(FEEDING_CHANNEL, { routingKey: queue }, body, properties)
      const answer = await peer.next()
      if (!isMethod(answer, 'basic.ack')) throw new Error(`feeding ${queue} was answered with ${this.shown(answer)}`)
    }
  }

  /** The next frames, shown. */
  async shownNext(peer: Peer, count: number): Promise<string> {
    const answers: string[] = []
    for (let index = 0; index < count; index++) answers.push(this.shown(await peer.next()))
    return answers.join(' ; ')
  }

  end(): void {
    for (const peer of this.#peers) peer.end()
  }

  async #connect(hello?: Buffer): Promise<Peer> {
    const peer = await Peer.connect(this.port, hello)
    this.#peers.push(peer)
    return peer
  }
}

export function isMethod(received: Received, kind: MethodKind): boolean {
  return received.kind === 'method' && received.method.kind === kind
}
