import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Users } from '../access/users.ts'
import { NetError, Refused, StorageError } from '../base/errors.ts'
import { ConfigError } from '../config/load-config.ts'
import { defaultConfig } from '../config/options.ts'
import type { MessageFormat } from '../message/message-format.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { Storage } from '../storage/contract.ts'
import type { ProtocolMaker, ServerParts } from './parts.ts'
import { startServer } from './server.ts'

const fakeFormat: MessageFormat = {
  id: 200,
  name: 'fake',
  headers: () => new Map(),
  header: () => undefined,
  expiration: () => undefined,
  property: () => undefined,
  named: () => new Map(),
  change: (properties) => properties,
}

const fakeStorage: Omit<Storage, 'close'> = {
  meta: { get: () => undefined, list: () => [], put: async () => 1, delete: async () => {}, watch: () => () => {} },
  describe: () => ({
    engine: 'fake',
    durable: false,
    replicated: false,
    flushedBeforeAck: false,
    payloadBytesMax: 1,
    shardCount: 1,
  }),
  claim: () => Promise.reject(new Error('not asked for')),
  freeBytes: async () => undefined,
}

function fakeMaker(log: string[]): ProtocolMaker {
  const protocol: Protocol = {
    name: 'fake',
    schemes: [],
    accept: (socket) => {
      socket.on('error', () => {}).end('hello')
    },
    stop: async () => {
      log.push('protocol stopped')
    },
  }
  return {
    schemes: [
      { name: 'amqp', defaultPort: 5672, tls: false },
      { name: 'amqps', defaultPort: 5671, tls: true },
    ],
    format: fakeFormat,
    make: () => {
      log.push('protocol made')
      return protocol
    },
  }
}

/** Parts that only write down what is asked of them, in order. */
function fakeParts(changes: Partial<ServerParts> = {}) {
  const log: string[] = []
  const failures: ((failure: StorageError) => void)[] = []
  const note = (text: string) => async (): Promise<void> => {
    log.push(text)
  }
  const parts: ServerParts = {
    openStorage: async () => {
      log.push('storage opened')
      return { ...fakeStorage, close: note('storage closed') }
    },
    openBroker: async ({ formats, onFailure }) => {
      log.push('broker started')
      expect(formats.get(fakeFormat.id)).toBe(fakeFormat)
      failures.push(onFailure)
      return {
        openSession: () => {
          throw new Refused('not-allowed', 'nobody is asked here')
        },
        close: note('broker stopped'),
      }
    },
    makeUsers: () => new Users(),
    protocols: [fakeMaker(log)],
    ...changes,
  }
  return { parts, log, failures }
}

const anyPort = (...urls: string[]) => defaultConfig({ listen: urls.map((url) => new URL(url)) })

test('server: starts from the storage up, stops from the listeners down, and a second stop is the same one', async () => {
  const { parts, log } = fakeParts()
  const server = await startServer(anyPort('amqp://127.0.0.1:0'), parts)
  expect(log).toEqual(['storage opened', 'broker started', 'protocol made'])
  const { port } = new URL(server.endpoints['amqp']!)
  const client = connect(Number(port), '127.0.0.1')
  expect(String((await once(client, 'data'))[0])).toBe('hello')
  client.destroy()
  await Promise.all([server.stop(), server.stop()])
  expect(log.slice(3)).toEqual(['protocol stopped', 'broker stopped', 'storage closed'])
  const late = connect(Number(port), '127.0.0.1')
  await new Promise<void>((resolve) => late.on('error', () => {}).once('close', () => resolve()))
  expect(late.errored).toMatchObject({ code: 'ECONNREFUSED' })
})

test('server: one protocol serves several listeners, each with its own endpoint', async () => {
  const { parts, log } = fakeParts()
  const server = await startServer(anyPort('amqp://127.0.0.1:0', 'amqp://127.0.0.1:0'), parts)
  expect(Object.keys(server.endpoints)).toEqual(['amqp', 'amqp-2'])
  expect(server.endpoints['amqp']).not.toBe(server.endpoints['amqp-2'])
  expect(log.filter((line) => line === 'protocol made')).toHaveLength(1)
  await server.stop()
})

test('server: a taken port undoes what was started before and tells the port', async () => {
  const first = await startServer(anyPort('amqp://127.0.0.1:0'), fakeParts().parts)
  const { parts, log } = fakeParts()
  await expect(startServer(anyPort('amqp://127.0.0.1:0', first.endpoints['amqp']!), parts)).rejects.toThrow(NetError)
  expect(log.slice(3)).toEqual(['protocol stopped', 'broker stopped', 'storage closed'])
  await first.stop()
})

test('server: a listener that makes no sense is told before anything is opened', async () => {
  const { parts, log } = fakeParts()
  const refusals = {
    'ampq://127.0.0.1:0': 'unknown protocol "ampq"; did you mean "amqp"?',
    'http://127.0.0.1:0': 'unknown protocol "http"; there are amqp, amqps',
    'amqps://127.0.0.1:0': 'TLS needs cert=FILE and key=FILE; cert is missing',
    'amqp://127.0.0.1:0?cert=x': 'takes no parameters; with TLS it is amqps://',
  }
  for (const [url, text] of Object.entries(refusals)) {
    const started = startServer(anyPort(url), parts)
    await expect(started).rejects.toThrow(ConfigError)
    await expect(started).rejects.toThrow(text)
  }
  expect(log).toEqual([])
})

test('server: storage that cannot be opened is passed on as it is', async () => {
  const locked = new StorageError('locked', 'another busbar holds ./data')
  const { parts, log } = fakeParts({ openStorage: () => Promise.reject(locked) })
  await expect(startServer(anyPort('amqp://127.0.0.1:0'), parts)).rejects.toBe(locked)
  expect(log).toEqual([])
})

test('server: a part that fails to stop does not keep the others open, and the failure is passed on', async () => {
  const { parts, log } = fakeParts()
  const { openBroker } = parts
  const failing: ServerParts = {
    ...parts,
    openBroker: async (needs, surroundings) => ({
      ...(await openBroker(needs, surroundings)),
      close: () => Promise.reject(new Error('queue stuck')),
    }),
  }
  const server = await startServer(anyPort('amqp://127.0.0.1:0'), failing)
  await expect(server.stop()).rejects.toThrow('did not stop cleanly')
  expect(log.slice(3)).toEqual(['protocol stopped', 'storage closed'])
})

test('server: a storage that fails later is told to whoever runs the server, who can still stop it', async () => {
  const { parts, log, failures } = fakeParts()
  const server = await startServer(anyPort('amqp://127.0.0.1:0'), parts)
  const failure = new StorageError('write-failed', 'EIO')
  failures[0]!(failure)
  await expect(server.failed).resolves.toBe(failure)
  await server.stop()
  expect(log.at(-1)).toBe('storage closed')
})
