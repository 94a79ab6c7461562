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
    checkOwnParameters(url, maker)
    planned.push({
      url,
      scheme,
      maker,
      tls: scheme.tls ? await tlsOf(withoutOwn(url, scheme)) : noTls(url, scheme, maker),
    })
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

function checkOwnParameters(url: URL, maker: ProtocolMaker): void {
  try {
    maker.checkListener?.(url)
  } catch (cause) {
    throw new ConfigError('flag', `--listen ${url.href}: ${(cause as Error).message}`, { cause })
  }
}

/** What is left for others to judge. */
function withoutOwn(url: URL, { parameters = [] }: Scheme): URL {
  const rest = new URL(url)
  for (const name of parameters) rest.searchParams.delete(name)
  return rest
}

function noTls(url: URL, scheme: Scheme, maker: ProtocolMaker): undefined {
  const { parameters = [] } = scheme
  const secureName = maker.schemes.find(({ tls }) => tls)?.name
  if (withoutOwn(url, scheme).search === '') return undefined
  const own = parameters.length === 0 ? 'no parameters' : `only ${parameters.join(', ')}`
  throw new ConfigError('flag', `--listen ${url.href}: ${url.protocol}// takes ${own}; with TLS it is ${secureName}://`)
}
