/** What RabbitMQ calls the types of fields in its error texts, by their letter on the wire. */
import { fieldTypeNames } from '../../base/field-value.ts'

const byLetter: ReadonlyMap<string, string> = new Map(Object.entries(fieldTypeNames))

export function fieldTypeName(letter: string): string {
  return byLetter.get(letter) ?? 'unknown'
}
