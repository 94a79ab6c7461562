/** How field values read in answers to clients, in RabbitMQ's words. */
import { type FieldTable, type FieldValue, fieldTypeNames } from '../../base/field-value.ts'

export function typeName(value: FieldValue): string {
  return fieldTypeNames[value.type]
}

/** The value alone: text as it is, numbers in digits. */
export function valueText(value: FieldValue): string {
  switch (value.type) {
    case 'V':
      return 'undefined'
    case 'S':
    case 'x':
      return value.value.toString()
    case 'D':
      return `{${value.scale},${value.value}}`
    case 'F':
      return tableText(value.value)
    case 'A':
      return `[${value.value.map((item) => `{${typeName(item)},${quotedText(item)}}`).join(',')}]`
    default:
      return String(value.value)
  }
}

function quotedText(value: FieldValue): string {
  return value.type === 'S' || value.type === 'x' ? `<<"${valueText(value)}">>` : valueText(value)
}

function tableText(table: FieldTable): string {
  return `[${[...table].map(([key, value]) => `{<<"${key}">>,${typeName(value)},${quotedText(value)}}`).join(',')}]`
}
