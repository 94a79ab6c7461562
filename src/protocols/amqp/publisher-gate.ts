/**
 * Stops a connection's publishes while the broker cannot take them, and tells the client why, if it wants to know. All
 * else goes on, acknowledgements above all: they may be what makes room. A client that never publishes notices nothing.
 */
import type { Flow } from '../../broker/session.ts'
import { type Input, PAUSED_FOR_FLOW } from './input.ts'
import type { Method } from './wire/method-schema.ts'
import { makeMethod } from './wire/methods.ts'

export class PublisherGate {
  readonly #input: Input
  readonly #send: (method: Method) => void
  /** The client understands connection.blocked. */
  readonly #isTelling: boolean
  #flow: Flow = { kind: 'open' }
  #hasPublished = false
  #isToldBlocked = false

  constructor(input: Input, send: (method: Method) => void, isTelling: boolean) {
    this.#input = input
    this.#send = send
    this.#isTelling = isTelling
  }

  get isOpen(): boolean {
    return this.#flow.kind === 'open'
  }

  set(flow: Flow): void {
    this.#flow = flow
    if (flow.kind === 'blocked') return this.#tell(flow.reason)
    if (this.#isToldBlocked) {
      this.#isToldBlocked = false
      this.#send(makeMethod('connection.unblocked'))
    }
    // Not within the call: the broker may be in the middle of whatever made room.
    if (flow.kind === 'open') queueMicrotask(this.#goOn)
  }

  readonly #goOn = (): void => {
    if (this.#flow.kind === 'open') this.#input.resume(PAUSED_FOR_FLOW)
  }

  /** A publish has begun: from now on the client is one who is told. */
  publishing(): void {
    this.#hasPublished = true
    if (this.#flow.kind === 'open') return
    if (this.#flow.kind === 'blocked') this.#tell(this.#flow.reason)
    this.#input.pause(PAUSED_FOR_FLOW)
  }

  /** Once, whatever further reasons come up meanwhile. */
  #tell(reason: string): void {
    if (this.#isToldBlocked || !this.#isTelling || !this.#hasPublished) return
    this.#isToldBlocked = true
    this.#send(makeMethod('connection.blocked', { reason }))
  }
}
