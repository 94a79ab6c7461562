/** What RabbitMQ calls the types of fields in its error texts, which clients and their users know. */

const TYPE_NAMES: Readonly<Record<string, string>> = {
  t: 'bool',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'longstr',
  x: 'binary',
  T: 'timestamp',
  F: 'table',
  A: 'array',
  V: 'void',
}

/** @param letter of the type on the wire */
export function fieldTypeName(letter: string): string {
  return TYPE_NAMES[letter] ?? 'unknown'
}
