/**
 * A client that comes back by itself: connected with amqplib to wherever the broker lives, working until the connection
 * is lost, and then again in the broker's next life. What the work is, others say.
 */
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import type { History } from './history.ts'
import type { Place } from './place.ts'

export interface Worker {
  readonly name: string
  /** Sets things going on a new channel, and returns. */
  begin(channel: ConfirmChannel): Promise<void>
  /** The channel is gone, or about to be: no call may be made on it any more. */
  lost(): void
}

/** Resolves when the place closes. A connection or channel that ends while the broker is up is a violation. */
export async function liveThrough(worker: Worker, place: Place, history: History): Promise<void> {
  let life = 0
  for (let at = await place.after(life); at !== undefined; at = await place.after(life)) {
    life = at.life
    const trouble = await oneLife(worker, place, at.url)
    if (place.isUp && place.life === life) history.violation(`${worker.name} lost its connection: ${trouble}`)
  }
}

/** Resolves with what was said when the connection is over. */
async function oneLife(worker: Worker, place: Place, url: string): Promise<string> {
  const trouble: string[] = []
  let connection: ChannelModel | undefined
  try {
    connection = await connect(url)
    connection.on('error', (error) => trouble.push(String(error)))
    const gone = new Promise<void>((resolve) => connection?.on('close', () => resolve()))
    const channel = await connection.createConfirmChannel()
    channel.on('error', (error) => trouble.push(String(error)))
    // A channel can be closed alone: then nothing is left to do on this connection.
    const channelGone = new Promise<void>((resolve) => channel.on('close', () => resolve()))
    channel.on('close', () => worker.lost())
    await worker.begin(channel)
    await Promise.race([gone, channelGone, place.closed])
  } catch (error) {
    trouble.push(String(error))
  }
  worker.lost()
  await connection?.close().catch(() => {})
  return trouble.join('; ')
}
