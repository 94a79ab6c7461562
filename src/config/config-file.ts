/** Reads a configuration file into plain values. The YAML reader is loaded only here, when a file is named. */
import { readFileSync } from 'node:fs'
import { ConfigError, type ConfigSources } from './load-config.ts'

/** @throws {ConfigError} when the file cannot be read, or where it is not YAML */
export async function readConfigFile(path: string): Promise<NonNullable<ConfigSources['file']>> {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError('file', `cannot read the configuration file: ${(cause as Error).message}`, { cause })
  }
  const { parse } = await import('yaml')
  try {
    return { path, values: parse(content) as unknown }
  } catch (cause) {
    const [firstLine] = (cause as Error).message.split('\n')
    throw new ConfigError('file', `${path}: ${firstLine?.replace(/:$/, '')}`, { cause })
  }
}
