/**
 * What basic.consume asks of a stream and of no other queue: where to begin, which records, and the limits that a stream
 * cannot be read without. Where a record stands is the broker's to say; outward.ts writes it.
 */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, type FieldValue, textOf } from '../../base/field-value.ts'
import type { Streams } from '../../broker/streams/stream-door.ts'
import type { Message } from '../../message/message.ts'
import { WireError } from './wire/wire-error.ts'

const OFFSET_ARGUMENT = 'x-stream-offset'
const FILTER_ARGUMENT = 'x-stream-filter'
const UNFILTERED_ARGUMENT = 'x-stream-match-unfiltered'
/** Set by publishers, compared with the filters of readers. */
const FILTER_HEADER = 'x-stream-filter-value'

const OFFSET_TEXT = /^(first|last|next|\d+[YMDhms])$/

export class StreamReading {
  readonly #name: string
  readonly #streams: Streams
  /** Undefined: every record. */
  readonly #wanted: ReadonlySet<string> | undefined
  readonly #wantsUnfiltered: boolean
  #isPartitioned = false

  /** @throws {Refused} 'precondition-failed' for filters that are none; {WireError} for a start that is none */
  constructor(name: string, args: FieldTable, streams: Streams) {
    this.#name = name
    this.#streams = streams
    checkStart(args.get(OFFSET_ARGUMENT))
    this.#wanted = filtersOf(args.get(FILTER_ARGUMENT))
    this.#wantsUnfiltered = isTrue(args.get(UNFILTERED_ARGUMENT))
  }

  /** More than one partition: an offset alone names no record then. Once true it stays true. */
  get isPartitioned(): boolean {
    this.#isPartitioned ||= this.#streams.partition(this.#name, 1) !== undefined
    return this.#isPartitioned
  }

  /** Exactly, where RabbitMQ leaves out only what it is sure of: clients that look again find nothing to do. */
  wants(message: Message): boolean {
    if (this.#wanted === undefined) return true
    const value = textOf(message.format.header(message.properties(), FILTER_HEADER))
    return value === undefined ? this.#wantsUnfiltered : this.#wanted.has(value)
  }
}

/** RabbitMQ 3.10 dies of a text that it cannot read; clients know the bare INTERNAL_ERROR that is left of it. */
function checkStart(value: FieldValue | undefined): void {
  const text = textOf(value)
  if (text !== undefined && !OFFSET_TEXT.test(text)) throw new WireError(541, '')
}

function filtersOf(value: FieldValue | undefined): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined
  const filters = new Set<string>()
  for (const item of value.type === 'A' ? value.value : [value]) {
    const text = textOf(item)
    if (text === undefined) throw badArgument(FILTER_ARGUMENT, 'a string or an array of strings')
    filters.add(text)
  }
  return filters
}

function isTrue(value: FieldValue | undefined): boolean {
  if (value === undefined) return false
  if (value.type !== 't') throw badArgument(UNFILTERED_ARGUMENT, 'a boolean')
  return value.value
}

function badArgument(name: string, expected: string): Refused {
  return new Refused('precondition-failed', `invalid arg '${name}': expected ${expected}`)
}
