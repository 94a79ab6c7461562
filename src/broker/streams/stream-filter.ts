/**
 * Which messages of a stream a reader wants: the arguments `x-stream-filter` and `x-stream-match-unfiltered`, as in
 * RabbitMQ. A message carries its value in the header `x-stream-filter-value`. RabbitMQ leaves out whole chunks and
 * sends what else is in the others; here the answer is exact.
 */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, textOf, textsOf } from '../../base/field-value.ts'
import type { Message } from '../../message/message.ts'
import { typeName } from '../routing/field-text.ts'

const FILTER_ARGUMENT = 'x-stream-filter'
const UNFILTERED_ARGUMENT = 'x-stream-match-unfiltered'
const VALUE_HEADER = 'x-stream-filter-value'

export interface StreamFilter {
  wants(message: Message): boolean
}

/** Undefined when everything is wanted. @throws {Refused} 'precondition-failed' */
export function streamFilterOf(args: FieldTable): StreamFilter | undefined {
  const value = args.get(FILTER_ARGUMENT)
  if (value === undefined) return undefined
  const text = textOf(value)
  const texts = new Set(text === undefined ? textsOf(value) : [text])
  if (texts.size === 0) {
    throw new Refused(
      'precondition-failed',
      `invalid arg '${FILTER_ARGUMENT}': a text or a list of texts, not ${typeName(value)}`,
    )
  }
  const unfiltered = args.get(UNFILTERED_ARGUMENT)
  const wantsUnfiltered = unfiltered?.type === 't' && unfiltered.value
  return {
    wants(message) {
      const properties = message.properties()
      const own = properties.length === 0 ? undefined : textOf(message.format.header(properties, VALUE_HEADER))
      return own === undefined ? wantsUnfiltered : texts.has(own)
    },
  }
}
