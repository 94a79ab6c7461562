/**
 * The two ways to log in that AMQP clients know without TLS: PLAIN and AMQPLAIN. Takes credentials out of a response;
 * whether they are right is for others to say.
 */
import { textOf } from '../../base/field-value.ts'
import { readText } from '../../base/text.ts'
import { decodeTable } from './wire/field-table.ts'
import { WireError } from './wire/wire-error.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
}

export type Mechanism = (response: Buffer) => Credentials | undefined

/** In the order offered. */
export const mechanisms: ReadonlyMap<string, Mechanism> = new Map([
  ['PLAIN', plain],
  ['AMQPLAIN', amqplain],
])

/** RFC 4616: authorization id (must be empty), NUL, user, NUL, password. */
function plain(response: Buffer): Credentials | undefined {
  const userEnd = response.indexOf(0, 1)
  if (response[0] !== 0 || userEnd < 0 || response.indexOf(0, userEnd + 1) >= 0) return undefined
  return { user: readText(response, 1, userEnd), password: readText(response, userEnd + 1, response.length) }
}

/** The content of a field table with LOGIN and PASSWORD, without a size in front. */
function amqplain(response: Buffer): Credentials | undefined {
  try {
    const table = decodeTable(response, 0, response.length)
    const user = textOf(table.get('LOGIN'))
    const password = textOf(table.get('PASSWORD'))
    return user === undefined || password === undefined ? undefined : { user, password }
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
