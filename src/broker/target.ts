/** Where messages are routed to and read from: what queues and streams have in common for sessions and the broker. */
import type { Message } from '../message/message.ts'
import type { ConfirmListener } from './confirm-listener.ts'
import type { Consumer, Delivery, Subscription } from './queues/consumer.ts'
import type { ManagedQueue } from './queues/queue-definition.ts'
import type { RoomListener } from './queues/queue-deps.ts'
import type { ConsumeSpec } from './session.ts'

export interface Target extends ManagedQueue {
  readonly name: string
  /** The next message would be one too many. */
  readonly full: boolean
  /** Takes the message in, or answers why not through `confirms`. */
  enqueue(message: Message, confirms: ConfirmListener | undefined, sequence: number): void
  /** @throws {Refused} while another consumer has it for himself, or when it cannot be read like this */
  subscribe(consumer: Consumer, exclusive: boolean, spec: ConsumeSpec): Subscription
  /** One message outside any prefetch. @throws {Refused} 'not-implemented' where messages stay */
  get(noAck: boolean): Promise<{ delivery: Delivery; remaining: number } | undefined>
  /** Drops what is ready. Returns how many messages that were. @throws {Refused} 'not-implemented' */
  purge(): number
  /** Told once when it has room again. */
  onRoom(listener: RoomListener): void
  /** Not to be told any more. Absent where nothing is ever full. */
  forgetRoom?(listener: RoomListener): void
}
