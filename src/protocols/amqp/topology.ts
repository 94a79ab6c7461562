/**
 * The methods of classes exchange and queue: from method to session call to answer. What may be declared and what equals
 * what is the broker's to say.
 */
import { Refused } from '../../base/errors.ts'
import type { BindingSpec, Session } from '../../broker/session.ts'
import { DIRECT_REPLY_TO } from './content-checks.ts'
import type { Method } from './wire/method-schema.ts'
import { makeMethod } from './wire/methods.ts'

/** What an empty queue name means: the queue declared last on the channel. */
export interface QueueMemory {
  lastQueue: string
}

export type TopologyMethod = Extract<
  Method,
  {
    kind:
      | 'exchange.declare'
      | 'exchange.delete'
      | 'exchange.bind'
      | 'exchange.unbind'
      | 'queue.declare'
      | 'queue.delete'
      | 'queue.purge'
      | 'queue.bind'
      | 'queue.unbind'
  }
>

/** @returns the answer, also when the client does not wait for one */
export function runTopology(method: TopologyMethod, session: Session, memory: QueueMemory): Promise<Method> {
  switch (method.kind) {
    case 'exchange.declare':
      return declareExchange(method, session)
    case 'exchange.delete':
      return deleteExchange(method, session)
    case 'exchange.bind':
    case 'exchange.unbind':
      return bindExchange(method, session)
    case 'queue.declare':
      return declareQueue(method, session, memory)
    case 'queue.delete':
      return deleteQueue(method, session, memory)
    case 'queue.purge':
      return purgeQueue(method, session, memory)
    case 'queue.bind':
    case 'queue.unbind':
      return bindQueue(method, session, memory)
  }
}

async function declareExchange(
  method: Extract<Method, { kind: 'exchange.declare' }>,
  session: Session,
): Promise<Method> {
  const name = stripped(method.exchange)
  if (method.passive) session.checkExchange(name)
  else {
    const { type, durable, autoDelete, internal } = method
    await session.declareExchange({ name, type, durable, autoDelete, internal, arguments: method.arguments })
  }
  return makeMethod('exchange.declare-ok')
}

async function deleteExchange(method: Extract<Method, { kind: 'exchange.delete' }>, session: Session): Promise<Method> {
  await session.deleteExchange(stripped(method.exchange), { ifUnused: method.ifUnused })
  return makeMethod('exchange.delete-ok')
}

async function bindExchange(
  method: Extract<Method, { kind: 'exchange.bind' | 'exchange.unbind' }>,
  session: Session,
): Promise<Method> {
  const binding: BindingSpec = {
    source: stripped(method.source),
    destination: stripped(method.destination),
    routingKey: method.routingKey,
    arguments: method.arguments,
  }
  if (method.kind === 'exchange.bind') {
    await session.bindExchange(binding)
    return makeMethod('exchange.bind-ok')
  }
  await session.unbindExchange(binding)
  return makeMethod('exchange.unbind-ok')
}

async function declareQueue(
  method: Extract<Method, { kind: 'queue.declare' }>,
  session: Session,
  memory: QueueMemory,
): Promise<Method> {
  const name = stripped(method.queue)
  if (name.startsWith(DIRECT_REPLY_TO)) return declareMailbox(name, session, memory)
  const { durable, exclusive, autoDelete } = method
  const counts = method.passive
    ? session.checkQueue(queueName(name, memory))
    : await session.declareQueue({ name, durable, exclusive, autoDelete, arguments: method.arguments })
  return declared(counts.name, counts.readyCount, counts.consumerCount, memory)
}

/** A mailbox of direct reply-to can be asked for as if it were a queue: responders look whether somebody still waits. */
async function declareMailbox(name: string, session: Session, memory: QueueMemory): Promise<Method> {
  if (name !== DIRECT_REPLY_TO && !session.mailboxExists(name)) {
    throw new Refused('not-found', `no queue '${name}' in vhost '${session.vhost}'`)
  }
  return declared(name, 0, 1, memory)
}

function declared(queue: string, messageCount: number, consumerCount: number, memory: QueueMemory): Method {
  memory.lastQueue = queue
  return makeMethod('queue.declare-ok', { queue, messageCount, consumerCount })
}

async function deleteQueue(
  method: Extract<Method, { kind: 'queue.delete' }>,
  session: Session,
  memory: QueueMemory,
): Promise<Method> {
  const { ifUnused, ifEmpty } = method
  const messageCount = await session.deleteQueue(queueName(method.queue, memory), { ifUnused, ifEmpty })
  return makeMethod('queue.delete-ok', { messageCount })
}

async function purgeQueue(
  method: Extract<Method, { kind: 'queue.purge' }>,
  session: Session,
  memory: QueueMemory,
): Promise<Method> {
  const messageCount = await session.purgeQueue(queueName(method.queue, memory))
  return makeMethod('queue.purge-ok', { messageCount })
}

async function bindQueue(
  method: Extract<Method, { kind: 'queue.bind' | 'queue.unbind' }>,
  session: Session,
  memory: QueueMemory,
): Promise<Method> {
  const destination = queueName(method.queue, memory)
  const binding: BindingSpec = {
    source: stripped(method.exchange),
    destination,
    // Both left out: the queue is bound by its own name.
    routingKey: method.queue === '' && method.routingKey === '' ? destination : method.routingKey,
    arguments: method.arguments,
  }
  if (method.kind === 'queue.bind') {
    await session.bindQueue(binding)
    return makeMethod('queue.bind-ok')
  }
  await session.unbindQueue(binding)
  return makeMethod('queue.unbind-ok')
}

/** @throws {Refused} 'not-found' for '' on a channel that has declared nothing */
export function queueName(given: string, memory: QueueMemory): string {
  const name = stripped(given)
  if (name !== '') return name
  if (memory.lastQueue === '') throw new Refused('not-found', 'no previously declared queue')
  return memory.lastQueue
}

/** RabbitMQ takes line ends out of names: they come from files read line by line. */
function stripped(name: string): string {
  return /[\r\n]/.test(name) ? name.replace(/[\r\n]/g, '') : name
}
