/** Many connections that are open, logged in, and silent. */
import { Peer } from '../../interop/probe/peer.ts'

/** Opened at once; more would only wait in the listener's queue. */
const BATCH = 50

export type IdleConnections = {
  /** Those of which the server has not closed its side. */
  openCount(): number
  /** Cuts them off without a goodbye. */
  drop(): void
}

/** Resolves when all are open. A process of Node may open as many files as the system's hard limit allows. */
export async function holdIdle(port: number, count: number): Promise<IdleConnections> {
  const peers: Peer[] = []
  let closedCount = 0
  while (peers.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - peers.length) }, () => openOne(port))
    for (const peer of await Promise.all(batch)) {
      peers.push(peer)
      peer.next().then(() => closedCount++)
    }
  }
  return {
    openCount: () => count - closedCount,
    drop: () => {
      for (const peer of peers) peer.end()
    },
  }
}

async function openOne(port: number): Promise<Peer> {
  const peer = await Peer.connect(port)
  const opened = await peer.open()
  if (opened.kind === 'method' && opened.method.kind === 'connection.open-ok') return peer
  throw new Error(`a connection was not opened: ${opened.kind}`)
}
