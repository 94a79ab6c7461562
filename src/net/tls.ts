/**
 * TLS settings of a listener, from its URL: `amqps://host:5671?cert=FILE&key=FILE`, with `ca=FILE` and
 * `verify=peer` to ask clients for a certificate. Only reads and checks them; the listener uses them.
 */
import { readFileSync } from 'node:fs'
import { createSecureContext, type TlsOptions } from 'node:tls'
import { NetError } from '../base/errors.ts'

export type TlsSettings = Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized' | 'minVersion'>

const PARAMETERS = ['cert', 'key', 'ca', 'verify']

/** @throws {NetError} naming the parameter that is missing or the file that does not work */
export function readTlsSettings(url: URL): TlsSettings {
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name))
      throw new NetError(`${url}: unknown parameter "${name}"; there are ${PARAMETERS.join(', ')}`)
  }
  const verify = url.searchParams.get('verify') ?? 'none'
  if (verify !== 'none' && verify !== 'peer') throw new NetError(`${url}: verify is "none" or "peer", not "${verify}"`)
  const ca = readFile(url, 'ca')
  if (verify === 'peer' && ca === undefined)
    throw new NetError(`${url}: verify=peer needs ca=FILE, the authority of the clients`)
  const settings: TlsSettings = {
    cert: required(url, 'cert'),
    key: required(url, 'key'),
    ...(ca === undefined ? {} : { ca }),
    requestCert: verify === 'peer',
    rejectUnauthorized: verify === 'peer',
    minVersion: 'TLSv1.2',
  }
  try {
    createSecureContext(settings)
  } catch (cause) {
    throw new NetError(`${url}: the certificate and key do not work: ${(cause as Error).message}`, { cause })
  }
  return settings
}

function required(url: URL, name: string): Buffer {
  const bytes = readFile(url, name)
  if (bytes === undefined) throw new NetError(`${url}: TLS needs cert=FILE and key=FILE; ${name} is missing`)
  return bytes
}

function readFile(url: URL, name: string): Buffer | undefined {
  const path = url.searchParams.get(name)
  if (path === null) return undefined
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new NetError(`${url}: cannot read ${name} file ${path}: ${(cause as Error).message}`, { cause })
  }
}
