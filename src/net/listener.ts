/**
 * Accepts connections on one URL, plain or TLS, and hands their sockets on. Knows no protocol: the scheme is only shown.
 *
 *     listening ── stopAccepting ──► accepted connections live on ── close ──► none left
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { NetError } from '../base/errors.ts'
import type { TlsSettings } from './tls.ts'

/** How many connections are open, over all listeners that share it. */
export interface ConnectionLimit {
  readonly max: number
  count: number
}

export interface ListenOptions {
  /** `scheme://host:port`; port 0 picks a free one. Host `*` is every address, `localhost` both loopbacks. */
  readonly url: URL
  /** Used when the URL names none. */
  readonly defaultPort: number
  readonly tls?: TlsSettings | undefined
  readonly limit: ConnectionLimit
  /** Sets its handlers, 'error' among them, before it returns. With TLS: called when the TLS handshake is done. */
  readonly onConnection: (socket: Socket) => void
  /** A connection was turned away because the limit is reached. */
  readonly onRefused?: (() => void) | undefined
  /** The listener itself failed after it had started (out of file handles, say): nothing was lost but one connection. */
  readonly onError?: ((error: NetError) => void) | undefined
}

export interface Listener {
  /** To copy: the port that was picked, and a host one can connect to. */
  readonly endpoint: string
  readonly port: number
  readonly connectionCount: number
  /** No new connection from now on; the open ones live on. Harmless when repeated. */
  stopAccepting(): void
  /** Stops accepting and cuts what is still connected; resolves when the port is free and no connection is left. */
  close(): Promise<void>
}

/** More than the usual 511: a fleet that reconnects at once must not be turned away by the queue of the kernel. */
const BACKLOG = 4096

/** For a port that is free on both loopbacks. */
const PORT_TRIES = 5

const TLS_HANDSHAKE_TIMEOUT_MS = 10_000

/** @throws {NetError} with one line that says what to change */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { limit } = options
  const sockets = new Set<Socket>()
  /** Counts a connection from its first moment; false when it was turned away. */
  const admit = (socket: Socket): boolean => {
    if (limit.count >= limit.max) {
      socket.destroy()
      options.onRefused?.()
      return false
    }
    limit.count++
    sockets.add(socket)
    socket.once('close', () => {
      limit.count--
      sockets.delete(socket)
    })
    return true
  }
  const servers = await startServers(options, admit)
  for (const server of servers) {
    server.on('error', (cause) =>
      options.onError?.(new NetError(`${options.url}: ${cause.message}`, { cause, retriable: true })),
    )
  }
  let closed: Promise<unknown> | undefined
  const stop = (): Promise<unknown> => {
    closed ??= Promise.all(servers.map(closeServer))
    return closed
  }
  const { port } = servers[0]!.address() as AddressInfo
  return {
    endpoint: endpointOf(options.url, port),
    port,
    get connectionCount() {
      return sockets.size
    },
    stopAccepting: () => void stop(),
    close: async () => {
      const done = stop()
      const gone = [...sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())))
      for (const socket of sockets) socket.destroy()
      await Promise.all([done, ...gone])
    },
  }
}

async function makeServer(options: ListenOptions, admit: (socket: Socket) => boolean): Promise<Server> {
  const settings = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
  if (options.tls === undefined) {
    return createServer(settings, (socket) => {
      if (admit(socket)) options.onConnection(socket)
    })
  }
  const tls = await import('node:tls')
  const server = tls.createServer({ ...settings, ...options.tls, handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS })
  server.on('connection', admit)
  server.on('secureConnection', options.onConnection)
  return server
}

const closeServer = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/** One server; two for `localhost`, because clients take that name for either loopback, and some for the one only. */
async function startServers(options: ListenOptions, admit: (socket: Socket) => boolean): Promise<Server[]> {
  const { url, defaultPort } = options
  const port = url.port === '' ? defaultPort : Number(url.port)
  if (url.hostname !== 'localhost') {
    const server = await makeServer(options, admit)
    await startListening(server, url, url.hostname.replace(/^\[|\]$/g, ''), port)
    return [server]
  }
  for (let triesLeft = PORT_TRIES; ; triesLeft--) {
    const first = await makeServer(options, admit)
    await startListening(first, url, '127.0.0.1', port)
    const second = await makeServer(options, admit)
    try {
      await startListening(second, url, '::1', (first.address() as AddressInfo).port)
      return [first, second]
    } catch (error) {
      const code = error instanceof NetError ? (error.cause as NodeJS.ErrnoException).code : undefined
      // A machine without IPv6 has one loopback.
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return [first]
      await closeServer(first)
      // The port that was picked may be free on one loopback only: another one will do.
      if (port !== 0 || code !== 'EADDRINUSE' || triesLeft === 0) throw error
    }
  }
}

async function startListening(server: Server, url: URL, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(listenError(url, port, cause))
    server.once('error', fail)
    server.listen({ port, backlog: BACKLOG, ...(host === '' || host === '*' ? {} : { host }) }, () => {
      server.removeListener('error', fail)
      resolve()
    })
  })
}

function listenError(url: URL, port: number, cause: NodeJS.ErrnoException): NetError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is taken; stop the program that holds it, or listen on another port`,
    EACCES: `no permission to listen on port ${port}; ports below 1024 need a privileged user`,
    EADDRNOTAVAIL: `${url.hostname} is not an address of this machine`,
    ENOTFOUND: `the name ${url.hostname} does not resolve`,
  }
  const text = why[cause.code ?? ''] ?? cause.message
  return new NetError(`cannot listen on ${url.protocol}//${url.host}: ${text}`, {
    cause,
    retriable: cause.code === 'EADDRINUSE',
  })
}

/** Listening on every address, one connects to this machine. */
function endpointOf(url: URL, port: number): string {
  const host = ['', '*', '0.0.0.0', '[::]'].includes(url.hostname) ? '127.0.0.1' : url.hostname
  return `${url.protocol}//${host}:${port}`
}
