/** For tests of routing: messages of a format that says what the test says, and a table with little to write. */
import { emptyTable, type FieldTable } from '../../base/field-value.ts'
import { type Random, seededRandom } from '../../base/random.ts'
import { Address, type Message, makeMessage } from '../../message/message.ts'
import type { MessageFormat } from '../../message/message-format.ts'
import { exchangeKinds } from './exchange-kinds.ts'
import type { Exchange } from './route-graph.ts'
import { DEFAULT_EXCHANGE, RoutingTable } from './routing-table.ts'

export function testMessage(headers: FieldTable = emptyTable, properties: Record<string, string> = {}): Message {
  const format: MessageFormat = {
    id: 1,
    name: 'test',
    headers: () => headers,
    header: (_bytes, name) => headers.get(name),
    expiration: () => undefined,
    property: (_bytes, name) => properties[name],
    named: () => new Map(Object.entries(properties)),
    change: (bytes) => bytes,
  }
  const address = new Address('', '')
  const head = { format, address, persistent: false, priority: undefined, publishedMs: 0, expirationMs: undefined }
  return makeMessage(head, Buffer.alloc(0), Buffer.alloc(0))
}

export const plainMessage: Message = testMessage()

/** A routing table whose queues are their own names. */
export class TestTable {
  readonly table: RoutingTable<string>

  constructor(random: Random = seededRandom(1)) {
    this.table = new RoutingTable(exchangeKinds(random), {
      vhost: '/',
      name: DEFAULT_EXCHANGE,
      type: 'direct',
      durable: true,
      autoDelete: false,
      internal: false,
      arguments: emptyTable,
    })
  }

  exchange(name: string, type: string, args: FieldTable = emptyTable): Exchange<string> {
    const flags = { durable: false, autoDelete: false, internal: false }
    return this.table.addExchange({ vhost: '/', name, type, ...flags, arguments: args })
  }

  queue(...names: string[]): void {
    for (const name of names) this.table.addQueue(name, name)
  }

  /** @param destination a queue, unless only an exchange has that name */
  bind(source: string, destination: string, routingKey = '', args: FieldTable = emptyTable): () => void {
    const from = this.table.exchanges.get(source)!
    const to = this.table.queues.get(destination) ?? this.table.exchanges.get(destination)!
    const id = `${to.kind}/${destination}/${routingKey}/${[...args.keys()].join()}`
    const binding = this.table.addBinding(id, from, to, routingKey, args)
    return () => this.table.removeBinding(binding)
  }

  /** Sorted, so that a duplicate shows and order does not. */
  route(exchange: string, routingKey = '', message: Message = plainMessage, extraKeys?: readonly string[]): string[] {
    return [...this.table.route(this.table.exchanges.get(exchange)!, routingKey, extraKeys, message)].sort()
  }
}
