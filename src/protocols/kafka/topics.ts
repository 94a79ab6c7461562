/** What the topic APIs share: names, ids, and how a single node shows the places of a partition. */
import type { StreamInfo, Streams } from '../../broker/streams/stream-door.ts'

const NAME = /^[a-zA-Z0-9._-]{1,249}$/

export const ID_BYTES = 16

/** Sixteen zero bytes stand for "no id". */
export const NO_ID: Buffer = Buffer.alloc(ID_BYTES)

export function isNoId(id: Buffer): boolean {
  return id.equals(NO_ID)
}

/** For people: as Kafka's tools print ids. */
export function idText(id: Buffer): string {
  return id.toString('base64url')
}

/** Why a topic cannot have this name; undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (name === '.' || name === '..') return "a topic cannot be named '.' or '..'"
  if (NAME.test(name)) return undefined
  if (name === '') return 'a topic needs a name'
  if (name.length > 249) return `a topic name has at most 249 characters, not ${name.length}`
  return `topic name '${name}' may only hold ASCII letters, digits, '.', '_' and '-'`
}

/** Kafka's metrics make no difference between '.' and '_', so two names may not differ in that alone. */
export function collidingTopic(streams: Streams, name: string): string | undefined {
  if (!/[._]/.test(name)) return undefined
  const folded = name.replaceAll('.', '_')
  return streams.list().find((stream) => stream.name !== name && stream.name.replaceAll('.', '_') === folded)?.name
}

/** By name where there is one, else by id: newer versions of many APIs name topics either way. */
export function findTopic(streams: Streams, name: string | null, id: Buffer): StreamInfo | undefined {
  if (name !== null && name !== '') return streams.find(name)
  return isNoId(id) ? undefined : streams.findById(id)
}

/** The operations a client may do, as bits: everything the resource knows, while there are no permissions. */
export const TOPIC_OPERATIONS = 0x0df8
export const CLUSTER_OPERATIONS = 0x1fa0
export const OPERATIONS_NOT_ASKED = -2147483648
