/**
 * Responses leave in the order of their requests, whatever the order they are ready in. Holds one place for each request
 * at work; writes what is ready at the head.
 */
import type { SocketWriter } from '../../net/socket-writer.ts'
import { writeResponse } from './wire/codec.ts'

export interface Place {
  readonly apiKey: number
  readonly version: number
  readonly correlationId: number
  readonly requestBytes: number
  state: 'working' | 'ready' | 'silent'
  response: unknown
}

export class ResponseQueue {
  readonly #writer: SocketWriter
  readonly #places: Place[] = []
  #requestBytes = 0

  constructor(writer: SocketWriter) {
    this.#writer = writer
  }

  /** Requests at work, or waiting for those before them. */
  get length(): number {
    return this.#places.length
  }

  /** Of requests at work, or waiting for those before them. */
  get requestBytes(): number {
    return this.#requestBytes
  }

  /** Whether everything at work is a request of this API. */
  holdsOnly(apiKey: number): boolean {
    return this.#places.every((place) => place.apiKey === apiKey)
  }

  take(apiKey: number, version: number, correlationId: number, requestBytes: number): Place {
    const place: Place = { apiKey, version, correlationId, requestBytes, state: 'working', response: undefined }
    this.#places.push(place)
    this.#requestBytes += requestBytes
    return place
  }

  /** @param response undefined for none. @throws {InvariantError} when it does not fit its schema: our own fault */
  settle(place: Place, response: unknown): void {
    place.state = response === undefined ? 'silent' : 'ready'
    place.response = response
    for (let head = this.#places[0]; head !== undefined && head.state !== 'working'; head = this.#places[0]) {
      this.#places.shift()
      this.#requestBytes -= head.requestBytes
      if (head.state === 'ready')
        writeResponse(this.#writer, head.apiKey, head.version, head.correlationId, head.response)
    }
  }
}
