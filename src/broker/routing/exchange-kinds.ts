/** The closed table of exchange kinds. */
import { Refused } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { ExchangeKind, ExchangeKinds } from './exchange-kind.ts'
import { consistentHash } from './kinds/consistent-hash.ts'
import { delayedMessage } from './kinds/delayed-message.ts'
import { direct } from './kinds/direct.ts'
import { fanout } from './kinds/fanout.ts'
import { headers } from './kinds/headers.ts'
import { randomChoice } from './kinds/random.ts'
import { topic } from './kinds/topic.ts'

const kinds: ReadonlyMap<string, ExchangeKind> = new Map(
  [direct, fanout, topic, headers, consistentHash, randomChoice, delayedMessage].map((kind) => [kind.name, kind]),
)

export const exchangeTypes: readonly string[] = [...kinds.keys()]

export function exchangeKinds(random: Random): ExchangeKinds {
  return {
    random,
    find: (type) => kinds.get(type),
    require: (type) => {
      const kind = kinds.get(type)
      if (kind === undefined) throw new Refused('precondition-failed', `unknown exchange type '${type}'`)
      return kind
    },
  }
}
