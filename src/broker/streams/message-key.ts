/** What a single message says about its key: headers that both doors agree on. */
import type { Message } from '../../message/message.ts'
import { KEY_HEADER, TOMBSTONE_HEADER } from '../../message/record-headers.ts'

/** Undefined without a key. An empty key is one. */
export function keyOf(message: Message): Buffer | undefined {
  const properties = message.properties()
  if (properties.length === 0) return undefined
  const value = message.format.header(properties, KEY_HEADER)
  if (value?.type === 'x') return value.value
  if (value?.type !== 'S') return undefined
  return typeof value.value === 'string' ? Buffer.from(value.value) : value.value
}

export function isTombstone(message: Message): boolean {
  const properties = message.properties()
  if (properties.length === 0) return false
  const value = message.format.header(properties, TOMBSTONE_HEADER)
  return value?.type === 't' && value.value
}
