/**
 * Who may connect: names with salted password hashes. What a user may do (permissions by pattern, tags) belongs to the
 * `User` this hands out and is not decided here.
 *
 * Passwords are kept as RabbitMQ keeps them, base64(salt of 4 bytes + SHA-256(salt + password)), so that its exported
 * definitions can be taken over as they are. Brokers check a password at every connection, thousands of them after a
 * restart: a hash made to be slow would stall all the others.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { type Random, systemRandom } from '../base/random.ts'

export interface User {
  readonly name: string
  /** Only from this machine: for a user whose password everybody knows. */
  readonly loopbackOnly: boolean
}

const SALT_BYTES = 4
const HASH_BYTES = 32

export const DEFAULT_USER = 'guest'
const DEFAULT_PASSWORD = 'guest'

interface Entry {
  readonly user: User
  readonly saltedHash: Buffer
}

export class Users {
  readonly #entries = new Map<string, Entry>()
  readonly #random: Random
  /** Compared with when the name is unknown, so that the time taken does not tell which names exist. */
  readonly #nobody: Buffer

  constructor(random: Random = systemRandom) {
    this.#random = random
    this.#nobody = saltedHash(random.bytes(SALT_BYTES), random.bytes(HASH_BYTES).toString('hex'))
  }

  /** Adds a user, or gives an existing one another password. */
  set(user: User, password: string): void {
    this.#entries.set(user.name, { user, saltedHash: saltedHash(this.#random.bytes(SALT_BYTES), password) })
  }

  /** @param passwordHash in RabbitMQ's form, see above. @throws {RangeError} for any other */
  setHash(user: User, passwordHash: string): void {
    const bytes = Buffer.from(passwordHash, 'base64')
    if (bytes.length !== SALT_BYTES + HASH_BYTES) {
      throw new RangeError(`the password hash of user '${user.name}' is not a salted SHA-256 in base64`)
    }
    this.#entries.set(user.name, { user, saltedHash: bytes })
  }

  remove(name: string): boolean {
    return this.#entries.delete(name)
  }

  get(name: string): User | undefined {
    return this.#entries.get(name)?.user
  }

  /**
   * The user, when the password is his and he may connect from there.
   * @param peerAddress an IP address; undefined for a peer that has none and so counts as remote
   */
  verify(name: string, password: string, peerAddress: string | undefined): User | undefined {
    const entry = this.#entries.get(name)
    const expected = entry?.saltedHash ?? this.#nobody
    const given = saltedHash(expected.subarray(0, SALT_BYTES), password)
    if (!timingSafeEqual(given, expected) || entry === undefined) return undefined
    return entry.user.loopbackOnly && !isLoopback(peerAddress) ? undefined : entry.user
  }
}

/** What a fresh broker has: guest with the password guest, from this machine only. */
export function defaultUsers(random: Random = systemRandom): Users {
  const users = new Users(random)
  users.set({ name: DEFAULT_USER, loopbackOnly: true }, DEFAULT_PASSWORD)
  return users
}

function saltedHash(salt: Buffer, password: string): Buffer {
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password, 'utf8').digest()])
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.toLowerCase().replace(/^::ffff:/, '')
  return isIP(plain) === 4 ? plain.startsWith('127.') : plain === '::1'
}
