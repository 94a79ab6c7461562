/**
 * Which address a client is told for its next connections. A Kafka client only bootstraps where it was pointed to; then it
 * connects to what Metadata says. Telling everybody one configured name is what newcomers stumble over, so each client is
 * told what it evidently can reach: the address it came in by. Behind a proxy or a port mapping only the operator knows
 * better: `?advertise=host:port` on the listener.
 */
import { type PeerSocket, plainAddress } from '../../net/peer-socket.ts'

export interface AdvertisedAddress {
  readonly host: string
  readonly port: number
}

export const ADVERTISE = 'advertise'

/** @throws {RangeError} saying what `host:port` should look like */
export function parseAdvertised(text: string): AdvertisedAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:\s/]+)):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) {
    throw new RangeError(`advertise is host:port, such as broker.example:9092 or [::1]:9092, not "${text}"`)
  }
  return { host: match[1] ?? match[2]!, port }
}

/** Of a listener: what its URL says, if anything. @throws {RangeError} */
export function advertisedOf(url: URL): AdvertisedAddress | undefined {
  const text = url.searchParams.get(ADVERTISE)
  return text === null ? undefined : parseAdvertised(text)
}

/**
 * The address an accepted socket was dialled at: never a wildcard, whatever the listener is bound to. With TLS the name
 * the client asked for comes first, because it is the one it will check the certificate against.
 */
export function dialledAddress(socket: PeerSocket, fallbackPort: number): AdvertisedAddress {
  const { servername, localAddress, localPort } = socket
  const host = servername || (localAddress === undefined ? 'localhost' : plainAddress(localAddress))
  return { host, port: localPort ?? fallbackPort }
}
