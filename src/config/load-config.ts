/**
 * Builds the configuration from its layers: flags over environment over file over defaults. An option is taken whole
 * from the highest layer that names it, and every value remembers where it came from.
 */
import { BadValue } from './kinds.ts'
import { nearest } from './nearest.ts'
import { CONFIG_KEYS, type Config, type ConfigKey, environmentName, OPTIONS } from './options.ts'

/** What was typed wrong, in one line, and in which layer. */
export class ConfigError extends Error {
  readonly layer: Layer

  constructor(layer: Layer, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'ConfigError'
    this.layer = layer
  }
}

export type Layer = 'flag' | 'environment' | 'file' | 'default'

/** Texts by option name. */
export type FlagValues = ReadonlyMap<string, readonly string[]>

export interface ConfigSources {
  readonly flags: FlagValues
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Path and content of the configuration file: YAML, and so JSON too. */
  readonly file?: { readonly path: string; readonly values: unknown } | undefined
}

export interface LoadedConfig {
  readonly config: Config
  /** Where each value came from, ready to be shown: `--data`, `BUSBAR_DATA`, `busbar.yaml: data`, `default`. */
  readonly origins: Readonly<Record<ConfigKey, string>>
  readonly warnings: readonly string[]
}

/** So many names can be told in one line. */
const FEW = 6

interface Given {
  readonly layer: Layer
  readonly origin: string
  readonly texts: readonly string[]
}

/** @throws {ConfigError} for the first thing that is wrong */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const fileValues = readFileValues(sources.file)
  const config: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  for (const key of CONFIG_KEYS) {
    const option = OPTIONS[key]
    const given = fromFlags(option.name, sources) ?? fromEnvironment(option, sources) ?? fileValues.get(option.name)
    origins[key] = given?.origin ?? 'default'
    config[key] = given === undefined ? option.default : readGiven(option, given)
  }
  return {
    config: config as Config,
    origins: origins as Record<ConfigKey, string>,
    warnings: environmentWarnings(sources.environment),
  }
}

function readGiven(option: { read(texts: readonly string[]): unknown }, { layer, origin, texts }: Given): unknown {
  try {
    return option.read(texts)
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    throw new ConfigError(layer, `${origin}: ${texts.map((text) => `"${text}"`).join(', ')} ${error.message}`, {
      cause: error,
    })
  }
}

function fromFlags(name: string, { flags }: ConfigSources): Given | undefined {
  const texts = flags.get(name)
  return texts === undefined ? undefined : { layer: 'flag', origin: `--${name}`, texts }
}

/** An empty variable counts as absent: that is how many tools unset one. */
function fromEnvironment(option: { name: string; many: boolean }, { environment }: ConfigSources): Given | undefined {
  const origin = environmentName(option)
  const value = environment[origin]?.trim()
  if (value === undefined || value === '') return undefined
  return {
    layer: 'environment',
    origin,
    texts: option.many ? value.split(/[\s,]+/).filter((text) => text !== '') : [value],
  }
}

function readFileValues(file: ConfigSources['file']): Map<string, Given> {
  const given = new Map<string, Given>()
  if (file === undefined || file.values === null || file.values === undefined) return given
  const { path, values } = file
  if (typeof values !== 'object' || Array.isArray(values)) {
    throw new ConfigError('file', `${path}: holds no options; write them as "name: value", one a line`)
  }
  const names = CONFIG_KEYS.map((key) => OPTIONS[key].name)
  for (const [name, value] of Object.entries(values)) {
    const option = CONFIG_KEYS.map((key) => OPTIONS[key]).find((candidate) => candidate.name === name)
    if (option === undefined) throw new ConfigError('file', `${path}: ${unknownName(`option "${name}"`, name, names)}`)
    const items: unknown[] = Array.isArray(value) ? value : [value]
    const origin = `${path}: ${name}`
    if (Array.isArray(value) && (!option.many || items.length === 0)) {
      throw new ConfigError('file', `${origin}: takes ${option.many ? 'at least one value' : 'one value, not a list'}`)
    }
    given.set(name, { layer: 'file', origin, texts: items.map((item) => scalarText(origin, item)) })
  }
  return given
}

function scalarText(origin: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new ConfigError('file', `${origin}: takes a text or a number`)
}

/** `unknown option "x"; did you mean "y"?`, or all there are when they are few. */
export function unknownName(what: string, typed: string, known: readonly string[]): string {
  const meant = nearest(typed, known)
  const rest = known.length <= FEW ? `; there are ${known.join(', ')}` : ''
  return `unknown ${what}${meant === undefined ? rest : `; did you mean "${meant}"?`}`
}

/** Variables that a service named "busbar" gets from Kubernetes, and those read elsewhere. */
const NOT_OPTIONS = /^BUSBAR_(PORT|SERVICE|CONFIG$)|_(SERVICE_HOST|SERVICE_PORT)/

function environmentWarnings(environment: ConfigSources['environment']): string[] {
  const known = CONFIG_KEYS.map((key) => environmentName(OPTIONS[key]))
  return Object.keys(environment)
    .filter((name) => name.startsWith('BUSBAR_') && !known.includes(name) && !NOT_OPTIONS.test(name))
    .map((name) => unknownName(`variable ${name}`, name, known))
}
