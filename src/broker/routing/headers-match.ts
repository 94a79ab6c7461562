/**
 * Matching of a message's headers against a binding's arguments. 'x-match' says how: all or any of the arguments, and
 * whether those that begin with "x-" count (-with-x) or not. No argument at all matches everything under 'all' and
 * nothing under 'any'. A void argument asks only for the header to be there.
 */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, type FieldValue, sameFieldValue, textOf } from '../../base/field-value.ts'
import { typeName, valueText } from './field-text.ts'

const modes = ['all', 'any', 'all-with-x', 'any-with-x']

/** @throws {Refused} 'precondition-failed' when x-match is none of the four */
export function checkHeadersMatch(args: FieldTable): void {
  const mode = args.get('x-match')
  if (mode === undefined) return
  const text = textOf(mode)
  if (text === undefined) {
    throw new Refused(
      'precondition-failed',
      `Invalid x-match field type ${typeName(mode)} (value ${valueText(mode)}); expected longstr`,
    )
  }
  if (modes.includes(text)) return
  throw new Refused(
    'precondition-failed',
    `Invalid x-match field value <<"${text}">>; expected all, any, all-with-x, or any-with-x`,
  )
}

export class HeadersMatch {
  readonly #names: readonly string[]
  readonly #values: readonly FieldValue[]
  readonly #any: boolean

  constructor(args: FieldTable) {
    const mode = textOf(args.get('x-match')) ?? 'all'
    const withX = mode.endsWith('-with-x')
    const asked = [...args].filter(([name]) => name !== 'x-match' && (withX || !name.startsWith('x-')))
    this.#names = asked.map(([name]) => name)
    this.#values = asked.map(([, value]) => value)
    this.#any = mode.startsWith('any')
  }

  matches(headers: FieldTable): boolean {
    for (let index = 0; index < this.#names.length; index++) {
      if (fits(this.#values[index]!, headers.get(this.#names[index]!)) === this.#any) return this.#any
    }
    return !this.#any
  }
}

function fits(asked: FieldValue, given: FieldValue | undefined): boolean {
  if (given === undefined) return false
  if (asked.type === 'V') return true
  // The two common cases, without the detour over BigInt that integers of different widths take.
  if (asked.type === given.type && asked.type !== 'D' && asked.value === given.value) return true
  const number = numberOf(asked)
  const givenNumber = number === undefined ? undefined : numberOf(given)
  if (number === undefined || givenNumber === undefined) return sameFieldValue(asked, given)
  if (typeof number === 'bigint' && typeof givenNumber === 'bigint') return number === givenNumber
  return Number(number) === Number(givenNumber)
}

/** RabbitMQ compares numbers by value, whatever type they came in: clients choose it as they like. */
function numberOf(value: FieldValue): number | bigint | undefined {
  if (value.type === 'V' || value.type === 'D') return undefined
  return typeof value.value === 'number' || typeof value.value === 'bigint' ? value.value : undefined
}
