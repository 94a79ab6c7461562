/** What a connection needs of a socket: `net.Socket` and `tls.TLSSocket` have it, and so has a stream in a test. */
import type { Duplex } from 'node:stream'

export type PeerSocket = Duplex & {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** The host name a TLS client asked for; false when it named none. */
  readonly servername?: string | false | undefined
}

/** For people: `127.0.0.1:53122 -> 127.0.0.1:5672`. */
export function peerName(socket: PeerSocket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  return `${remoteAddress}:${remotePort} -> ${localAddress}:${localPort}`
}

/** IPv4 over an IPv6 socket is shown as the IPv4 it is. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
