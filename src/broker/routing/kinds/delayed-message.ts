/**
 * x-delayed-message: routes as the kind in its argument x-delayed-type does. Holding messages back is not done here:
 * the publisher sees `delayed` and the message's x-delay header.
 */
import { Refused } from '../../../base/errors.ts'
import { type FieldTable, textOf } from '../../../base/field-value.ts'
import type { ExchangeKind, ExchangeKinds } from '../exchange-kind.ts'

const name = 'x-delayed-message'

export const delayedMessage: ExchangeKind = {
  name,
  delayed: true,
  checkArguments: (args, kinds) => inner(args, kinds).checkArguments(args, kinds),
  checkBinding: (routingKey, args, exchangeArgs, kinds) =>
    inner(exchangeArgs, kinds).checkBinding(routingKey, args, exchangeArgs, kinds),
  matcher: (args, kinds) => inner(args, kinds).matcher(args, kinds),
}

function inner(args: FieldTable, kinds: ExchangeKinds): ExchangeKind {
  const type = textOf(args.get('x-delayed-type'))
  if (type === undefined) {
    throw new Refused('precondition-failed', "Invalid argument, 'x-delayed-type' must be an existing exchange type")
  }
  if (type === name) {
    throw new Refused('precondition-failed', `Invalid argument, '${name}' can't be used for 'x-delayed-type'`)
  }
  return kinds.require(type)
}
