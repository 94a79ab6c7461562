/**
 * Who the client of a connection is. Nobody must log in: without, it is the default user. A client that does speaks SASL
 * PLAIN, in one of two ways: SaslHandshake 1 and then SaslAuthenticate, or SaslHandshake 0 and then the bare bytes of the
 * mechanism in a frame without a header (kafka-python 2). This class knows the rules, not the frames.
 *
 *     anonymous ── handshake ──► expecting ── right password ──► known
 *                                    └── wrong: told so, and the connection ends
 */
import type { User, Users } from '../../access/users.ts'
import { readText } from '../../base/text.ts'

export const SASL_MECHANISMS: readonly string[] = ['PLAIN']

export class Login {
  readonly #users: Users
  readonly #peerAddress: string | undefined
  /** Takes the user over: opens its session. @throws {Refused} when it may not come in */
  readonly #onUser: (user: User) => void
  #state: 'anonymous' | 'expecting' | 'expecting-bare' | 'known' | 'failed' = 'anonymous'

  constructor(users: Users, peerAddress: string | undefined, onUser: (user: User) => void) {
    this.#users = users
    this.#peerAddress = peerAddress
    this.#onUser = onUser
  }

  /** The next frame holds the mechanism's bytes and nothing else. */
  get expectsBareToken(): boolean {
    return this.#state === 'expecting-bare'
  }

  /** After its refusal has been sent, the connection ends. */
  get hasFailed(): boolean {
    return this.#state === 'failed'
  }

  /** @returns whether the mechanism is one of ours and this is the moment for it */
  choose(mechanism: string, isBare: boolean): 'chosen' | 'unknown-mechanism' | 'wrong-moment' {
    if (this.#state !== 'anonymous' && this.#state !== 'known') return 'wrong-moment'
    if (!SASL_MECHANISMS.includes(mechanism)) return 'unknown-mechanism'
    this.#state = isBare ? 'expecting-bare' : 'expecting'
    return 'chosen'
  }

  authenticate(token: Buffer): 'welcome' | 'refused' | 'wrong-moment' {
    if (this.#state !== 'expecting' && this.#state !== 'expecting-bare') return 'wrong-moment'
    this.#state = 'failed'
    const user = this.#verified(token)
    if (user === undefined) return 'refused'
    this.#onUser(user)
    this.#state = 'known'
    return 'welcome'
  }

  /** RFC 4616: authorization id, NUL, user, NUL, password. Acting for somebody else is not offered. */
  #verified(token: Buffer): User | undefined {
    const idEnd = token.indexOf(0)
    const nameEnd = token.indexOf(0, idEnd + 1)
    if (idEnd < 0 || nameEnd < 0 || token.indexOf(0, nameEnd + 1) >= 0) return undefined
    const authorizationId = readText(token, 0, idEnd)
    const name = readText(token, idEnd + 1, nameEnd)
    if (authorizationId !== '' && authorizationId !== name) return undefined
    return this.#users.verify(name, readText(token, nameEnd + 1, token.length), this.#peerAddress)
  }
}
