/**
 * x-consistent-hash: each message goes to one binding, chosen by a hash of its routing key (or of a header, or of a
 * property); a binding's key is its weight, the share it gets.
 *
 * The choice is weighted rendezvous hashing: every binding draws a number from the hash of message and binding, the
 * best one wins. So a new binding takes keys only for itself and a removed one gives away only its own, the order of
 * binding does not matter (it is not kept over a restart), and nothing is stored per unit of weight. It costs a few
 * nanoseconds per binding; a choice by routing key is remembered by the router anyway.
 */
import { Refused } from '../../../base/errors.ts'
import { type FieldTable, type FieldValue, textOf } from '../../../base/field-value.ts'
import type { ExchangeKind } from '../exchange-kind.ts'
import { valueText } from '../field-text.ts'
import type { Binding, Found, Matcher, RoutedMessage } from '../route-graph.ts'

const WEIGHT_MAX = 10_000

/** As the exchange's argument names them, and as message formats do. */
const properties: ReadonlyMap<string, string> = new Map([
  ['message_id', 'message-id'],
  ['correlation_id', 'correlation-id'],
  ['timestamp', 'timestamp'],
])

type HashOn = { kind: 'routing-key' } | { kind: 'header'; name: string } | { kind: 'property'; name: string }

class ConsistentHashMatcher<Q> implements Matcher<Q> {
  readonly byKeyAlone: boolean
  readonly everyKey = false
  readonly #on: HashOn
  readonly #shares: { binding: Binding<Q>; seed: number; weight: number }[] = []

  constructor(on: HashOn) {
    this.#on = on
    this.byKeyAlone = on.kind === 'routing-key'
  }

  add(binding: Binding<Q>): void {
    this.#shares.push({ binding, seed: hashOf(binding.id), weight: Number(binding.routingKey) })
  }

  remove(binding: Binding<Q>): void {
    const index = this.#shares.findIndex((share) => share.binding === binding)
    if (index >= 0) this.#shares.splice(index, 1)
  }

  match(routingKey: string, message: RoutedMessage, found: Found<Q>): void {
    const hash = hashOf(this.#hashed(routingKey, message))
    let best: Binding<Q> | undefined
    let bestDraw = Number.POSITIVE_INFINITY
    for (const { binding, seed, weight } of this.#shares) {
      const draw = -Math.log(fraction(hash ^ seed)) / weight
      // A tie must not be decided by the order of binding.
      if (draw < bestDraw || (draw === bestDraw && best !== undefined && binding.id < best.id)) {
        best = binding
        bestDraw = draw
      }
    }
    if (best !== undefined) found.add(best.destination)
  }

  /** A message without the header or property hashes as ''. */
  #hashed(routingKey: string, message: RoutedMessage): string {
    switch (this.#on.kind) {
      case 'routing-key':
        return routingKey
      case 'header':
        return hashedField(message.header(this.#on.name))
      case 'property':
        return message.property(this.#on.name) ?? ''
    }
  }
}

function hashedField(value: FieldValue | undefined): string {
  return value === undefined ? '' : valueText(value)
}

/** FNV-1a over UTF-16 units: short keys, no table. Its weak spread is mended by `fraction`. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

/** Spreads 32 bits (the finalizer of MurmurHash3) into the open interval (0, 1). */
function fraction(bits: number): number {
  let mixed = bits
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (((mixed ^ (mixed >>> 16)) >>> 0) + 0.5) / 2 ** 32
}

function hashOn(args: FieldTable): HashOn {
  const header = args.get('hash-header')
  const property = args.get('hash-property')
  if (header !== undefined && property !== undefined) refuse('hash-header and hash-property are mutually exclusive')
  if (header !== undefined) return { kind: 'header', name: textOf(header) ?? refuse('hash-header must be a string') }
  if (property === undefined) return { kind: 'routing-key' }
  const name = properties.get(textOf(property) ?? '')
  return { kind: 'property', name: name ?? refuse(`Unsupported property: ${valueText(property)}`) }
}

function checkWeight(routingKey: string): void {
  if (!/^[+-]?\d+$/.test(routingKey)) refuse(`The binding key must be an integer: <<"${routingKey}">>`)
  if (Number(routingKey) < 1) refuse('The binding key must be greater than 0')
  if (Number(routingKey) > WEIGHT_MAX) refuse(`The binding key must not exceed ${WEIGHT_MAX}`)
}

function refuse(text: string): never {
  throw new Refused('precondition-failed', text)
}

export const consistentHash: ExchangeKind = {
  name: 'x-consistent-hash',
  delayed: false,
  checkArguments: (args) => void hashOn(args),
  checkBinding: checkWeight,
  matcher: <Q>(args: FieldTable) => new ConsistentHashMatcher<Q>(hashOn(args)),
}
