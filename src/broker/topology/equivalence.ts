/** Whether a second declaration asks for what is already there: the first difference is told, in RabbitMQ's words. */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, type FieldValue, longstr, sameFieldValue } from '../../base/field-value.ts'
import { typeName, valueText } from '../routing/field-text.ts'

/** @throws {Refused} 'precondition-failed' unless the two are equal */
export function sameProperty<T extends string | boolean>(name: string, current: T, received: T, where: string): void {
  if (current !== received) differ(name, where, `'${received}'`, `'${current}'`)
}

/** @throws {Refused} 'precondition-failed' at the first of `names` that differs */
export function sameArguments(
  names: readonly string[],
  current: FieldTable,
  received: FieldTable,
  where: string,
): void {
  for (const name of names) {
    const currentValue = argumentOf(current, name)
    const receivedValue = argumentOf(received, name)
    if (sameFieldValue(currentValue, receivedValue)) continue
    if (currentValue !== undefined && receivedValue !== undefined) {
      differ(name, where, `'${valueText(receivedValue)}'`, `'${valueText(currentValue)}'`)
    }
    differ(name, where, shown(receivedValue), shown(currentValue))
  }
}

/** A queue declared without a type is a classic one. */
function argumentOf(args: FieldTable, name: string): FieldValue | undefined {
  return args.get(name) ?? (name === 'x-queue-type' ? longstr('classic') : undefined)
}

function shown(value: FieldValue | undefined): string {
  return value === undefined ? 'none' : `the value '${valueText(value)}' of type '${typeName(value)}'`
}

function differ(name: string, where: string, received: string, current: string): never {
  throw new Refused(
    'precondition-failed',
    `inequivalent arg '${name}' for ${where}: received ${received} but current is ${current}`,
  )
}
