/** What a kind of exchange is. Each kind is one file in `kinds/` and one line in `exchange-kinds.ts`. */
import type { FieldTable } from '../../base/field-value.ts'
import type { Random } from '../../base/random.ts'
import type { Matcher } from './route-graph.ts'

export interface ExchangeKind {
  /** The type a client declares. */
  readonly name: string
  /** @throws {Refused} 'precondition-failed' for arguments this kind cannot work with */
  checkArguments(args: FieldTable, kinds: ExchangeKinds): void
  /** @throws {Refused} 'precondition-failed' */
  checkBinding(routingKey: string, args: FieldTable, exchangeArgs: FieldTable, kinds: ExchangeKinds): void
  /** For arguments that passed `checkArguments`. */
  matcher<Q>(args: FieldTable, kinds: ExchangeKinds): Matcher<Q>
  /** Whether messages with a delay wait at such an exchange. */
  readonly delayed: boolean
}

export interface ExchangeKinds {
  readonly random: Random
  find(type: string): ExchangeKind | undefined
  /** @throws {Refused} 'precondition-failed' */
  require(type: string): ExchangeKind
}

/** For kinds that take any argument and any binding. */
export const anything = (): void => {}
