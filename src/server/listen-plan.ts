/** Which protocol serves which `--listen`, decided and checked before anything is started. */
import { ConfigError, unknownName } from '../config/load-config.ts'
import type { Config } from '../config/options.ts'
import type { TlsSettings } from '../net/tls.ts'
import type { Scheme } from '../protocols/protocol.ts'
import type { ProtocolMaker } from './parts.ts'

export interface PlannedListener {
  readonly url: URL
  readonly scheme: Scheme
  readonly maker: ProtocolMaker
  readonly tls: TlsSettings | undefined
}

/** @throws {ConfigError} for a scheme nobody speaks, or TLS settings that do not work */
export async function planListeners(config: Config, makers: readonly ProtocolMaker[]): Promise<PlannedListener[]> {
  const planned: PlannedListener[] = []
  for (const url of config.listen) {
    const name = url.protocol.slice(0, -1)
    const maker = makers.find(({ schemes }) => schemes.some((scheme) => scheme.name === name))
    const scheme = maker?.schemes.find((candidate) => candidate.name === name)
    if (maker === undefined || scheme === undefined) {
      const known = makers.flatMap(({ schemes }) => schemes.map((candidate) => candidate.name))
      throw new ConfigError('flag', `--listen ${url.href}: ${unknownName(`protocol "${name}"`, name, known)}`)
    }
    planned.push({ url, scheme, maker, tls: scheme.tls ? await tlsOf(url) : noTls(url) })
  }
  return planned
}

async function tlsOf(url: URL): Promise<TlsSettings> {
  // Loaded only where it is asked for: it costs a start more than all our own code.
  const { readTlsSettings } = await import('../net/tls.ts')
  try {
    return readTlsSettings(url)
  } catch (cause) {
    throw new ConfigError('flag', `--listen ${(cause as Error).message}`, { cause })
  }
}

function noTls(url: URL): undefined {
  if (url.search === '') return undefined
  throw new ConfigError(
    'flag',
    `--listen ${url.href}: ${url.protocol}// takes no parameters; with TLS it is ${url.protocol.slice(0, -1)}s://`,
  )
}
