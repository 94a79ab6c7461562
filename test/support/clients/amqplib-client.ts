/** What tests with amqplib share: connections that are closed behind them, names of their own, and an inbox to wait at. */
import { randomUUID } from 'node:crypto'
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type Options,
} from 'amqplib'

export class Clients {
  readonly url: string
  readonly #connections: ChannelModel[] = []

  constructor(url: string) {
    this.url = url
  }

  /** `query` are amqplib's tuning options: `heartbeat=1&frameMax=4096`. */
  async connection(query = ''): Promise<ChannelModel> {
    const connection = await connect(query === '' ? this.url : `${this.url}?${query}`)
    // A connection that the test or the server has ended already complains again when it is closed behind the test.
    connection.on('error', () => {})
    this.#connections.push(connection)
    return connection
  }

  async channel(): Promise<Channel> {
    return (await this.connection()).createChannel()
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return (await this.connection()).createConfirmChannel()
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#connections.splice(0).map((connection) => connection.close()))
  }
}

/** Nobody else has it, so that tests may share a server that remembers. */
export function ownName(short: string): string {
  return `${short}.${randomUUID()}`
}

export type Letter = { text: string; message: ConsumeMessage }

/** The messages of one consumer, to be waited for in the order they came. */
export class Inbox {
  readonly letters: Letter[] = []
  /** Resolves when the server cancels the consumer. */
  readonly cancelled: Promise<void>
  consumerTag = ''
  #taken = 0
  #waiters: (() => void)[] = []
  #cancel: () => void = () => {}

  constructor() {
    this.cancelled = new Promise((resolve) => {
      this.#cancel = resolve
    })
  }

  static async on(channel: Channel, queue: string, options: Options.Consume = {}): Promise<Inbox> {
    const inbox = new Inbox()
    const { consumerTag } = await channel.consume(queue, (message) => inbox.#take(message), options)
    inbox.consumerTag = consumerTag
    return inbox
  }

  /** The next one that was not handed out yet. */
  async next(): Promise<Letter> {
    while (this.letters.length <= this.#taken) await new Promise<void>((resolve) => this.#waiters.push(resolve))
    const letter = this.letters[this.#taken]
    if (letter === undefined) throw new Error('woken without a letter')
    this.#taken++
    return letter
  }

  async texts(count: number): Promise<string[]> {
    const texts: string[] = []
    for (let index = 0; index < count; index++) texts.push((await this.next()).text)
    return texts
  }

  #take(message: ConsumeMessage | null): void {
    if (message === null) this.#cancel()
    else this.letters.push({ text: message.content.toString(), message })
    for (const wake of this.#waiters.splice(0)) wake()
  }
}

/** Sends these to a queue and waits for the server's confirms. */
export async function send(
  channel: ConfirmChannel,
  queue: string,
  texts: readonly string[],
  options: Options.Publish = {},
): Promise<void> {
  for (const text of texts) channel.sendToQueue(queue, Buffer.from(text), options)
  await channel.waitForConfirms()
}

/** The one argument that an event brings; amqplib's emitters are typed by overloads that `once` of node:events cannot follow. */
export function nextEvent<T>(emitter: NodeJS.EventEmitter, name: string): Promise<T> {
  return new Promise((resolve) => emitter.once(name, resolve))
}
