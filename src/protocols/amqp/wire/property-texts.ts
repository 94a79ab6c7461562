/** Raw properties from texts, for messages whose properties are kept in another protocol's way. */
import type { FieldTable } from '../../../base/field-value.ts'
import { textSize } from '../../../base/text.ts'
import { encodeProperties, type Properties } from './properties.ts'
import { type PropertyKind, type PropertyName, propertyPlaces } from './property-scan.ts'

const SECONDS_MAX = 2n ** 64n - 1n

/** By the name people use, with dashes, `message-id`; all but the headers. */
export const dashedNames: readonly {
  readonly name: PropertyName
  readonly dashed: string
  readonly kind: PropertyKind
}[] = propertyPlaces
  .filter(({ kind }) => kind !== 'table')
  .map(({ name, kind }) => ({ name, kind, dashed: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`) }))

export type PropertyValues = { [N in PropertyName]?: string | number | bigint }

/** The value that `text` is, as this kind of property; undefined when it is none. */
export function valueOfText(kind: PropertyKind, text: string): string | number | bigint | undefined {
  switch (kind) {
    case 'text':
      return textSize(text) <= 255 ? text : undefined
    case 'octet':
      return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined
    case 'seconds':
      return /^\d{1,20}$/.test(text) && BigInt(text) <= SECONDS_MAX ? BigInt(text) : undefined
    case 'table':
      return undefined
  }
}

/** @param values each from `valueOfText` for its kind */
export function encodeValues(values: PropertyValues, headers: FieldTable): Buffer {
  // Each value has the type of its kind, so of its name.
  const properties = (headers.size === 0 ? values : { ...values, headers }) as Properties
  return encodeProperties(properties)
}
