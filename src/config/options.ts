/**
 * Every option of the broker, in one table. The flags, the environment, the configuration file, `--help` and
 * docs/operations/configuration.md all come from here.
 */
import { duration, integer, type Kind, listenUrl, oneOf, size, storeUrl, text } from './kinds.ts'

export interface Option<T> {
  /** `frame-max` is `--frame-max`, `BUSBAR_FRAME_MAX`, and the key `frame-max` of the file. */
  readonly name: string
  readonly placeholder: string
  /** May be given more than once; the environment separates by commas. */
  readonly many: boolean
  readonly default: T
  /** In help and reference, where the default follows from something else. */
  readonly defaultNote?: string
  readonly meaning: string
  /** All texts of one layer, at least one. @throws {BadValue} */
  read(texts: readonly string[]): T
  show(value: T): string[]
}

function one<T>(name: string, kind: Kind<T>, fallback: T, meaning: string): Option<T> {
  return {
    name,
    placeholder: kind.placeholder,
    many: false,
    default: fallback,
    meaning,
    read: (texts) => kind.read(texts.at(-1)!),
    show: (value) => [kind.show(value)],
  }
}

/** An option that may be absent; `defaultNote` says what happens then. */
function maybe<T>(name: string, kind: Kind<T>, defaultNote: string, meaning: string): Option<T | undefined> {
  return {
    ...one<T | undefined>(name, { ...kind, show: (value) => kind.show(value as T) }, undefined, meaning),
    defaultNote,
    show: (value) => (value === undefined ? [] : [kind.show(value)]),
  }
}

/** An option with many values; those given replace the default. */
function many<T>(name: string, kind: Kind<T>, fallback: readonly T[], meaning: string): Option<readonly T[]> {
  return {
    name,
    placeholder: kind.placeholder,
    many: true,
    default: fallback,
    meaning,
    read: (texts) => texts.map((value) => kind.read(value)),
    show: (values) => values.map((value) => kind.show(value)),
  }
}

const KIB = 1024
const MIB = 1024 * KIB
const SECOND = 1000

/** The properties of `Config`, with their options: in the order that help shows them. */
export const OPTIONS = {
  dataDir: one('data', text('dir'), './data', 'Where messages and definitions are kept on disk.'),
  store: maybe(
    'store',
    storeUrl,
    'file: in the data directory',
    'Storage engine by URL: `file:DIR` keeps everything on disk, `memory:` keeps nothing over a restart.',
  ),
  listen: many(
    'listen',
    listenUrl,
    [new URL('amqp://127.0.0.1:5672'), new URL('kafka://localhost:9092')],
    'Where to accept connections: `amqp://HOST:PORT`, `kafka://HOST:PORT`, or with TLS `amqps://` and `kafka+ssl://`, each with `?cert=FILE&key=FILE`. Port 0 picks a free one. Kafka clients are told to come back to the address they came in by; `?advertise=HOST:PORT` tells them another one.',
  ),
  durability: one(
    'durability',
    oneOf(['flush', 'os']),
    'flush',
    'When a message counts as safe: `flush` after it is on the disk (survives a power cut), `os` once it is with the operating system (survives a crash of the broker, not of the machine).',
  ),
  vhosts: many('vhost', text('name'), ['/'], 'Virtual hosts that exist from the start.'),
  defaultUser: one('default-user', text('name'), 'guest', 'The user that exists from the start.'),
  defaultPassword: one('default-pass', text('password'), 'guest', 'The password of that user.'),
  loopbackUsers: many(
    'loopback-user',
    text('name'),
    ['guest'],
    'Users who may connect from this machine only. `none` lifts the restriction.',
  ),
  heartbeatMs: one(
    'heartbeat',
    duration(0, 65_535 * SECOND),
    60 * SECOND,
    'Heartbeat proposed to clients; the client has the last word. 0 proposes none.',
  ),
  frameBytesMax: one('frame-max', size(4 * KIB, 16 * MIB), 128 * KIB, 'Largest AMQP frame.'),
  channelCountMax: one('channel-max', integer(1, 65_535), 2047, 'Channels a connection may open.'),
  messageBytesMax: one('max-message-size', size(1, 224 * MIB), 128 * MIB, 'Largest message body accepted.'),
  topicPartitions: one(
    'topic-partitions',
    integer(1, 10_000),
    1,
    'Partitions of a Kafka topic that does not say how many.',
  ),
  autoCreateTopics: one(
    'auto-create-topics',
    oneOf(['yes', 'no']),
    'yes',
    'Whether a Kafka topic is made when a client first asks for it.',
  ),
  groupInitialDelayMs: one(
    'group-initial-delay',
    duration(0, 600 * SECOND),
    300,
    'How long the first member of an empty consumer group waits for others, and again while others come: longer spares a group that starts together a second round.',
  ),
  offsetsRetentionMs: one(
    'offsets-retention',
    duration(60 * SECOND, 10 * 365 * 24 * 3600 * SECOND),
    7 * 24 * 3600 * SECOND,
    'How long a consumer group without members keeps its committed offsets.',
  ),
  connectionCountMax: one(
    'max-connections',
    integer(1, 1_000_000),
    65_536,
    'Connections open at once, over all listeners.',
  ),
  handshakeTimeoutMs: one(
    'handshake-timeout',
    duration(100, 3600 * SECOND),
    10 * SECOND,
    'How long a new connection may take to log in before it is dropped.',
  ),
  messageMemoryBytes: one(
    'message-memory',
    size(MIB),
    64 * MIB,
    'Memory for message bodies in all queues together. Beyond it bodies are on disk only and read back when delivered.',
  ),
  diskFreeBytesMin: one(
    'disk-free-limit',
    size(0),
    50_000_000,
    'Publishers are blocked while the disk has less free space than this.',
  ),
  product: one(
    'product',
    text('name'),
    'RabbitMQ',
    'The product name told to AMQP clients, some of which decide by it: see docs/decisions/product-name.md.',
  ),
  productVersion: one(
    'product-version',
    text('version'),
    '3.13.7',
    'The version told to clients: the RabbitMQ version whose behaviour they can count on.',
  ),
  clusterName: maybe('cluster-name', text('name'), 'busbar@ and the host name', 'The cluster name told to clients.'),
  logLevel: one('log-level', oneOf(['debug', 'info', 'warn', 'error']), 'info', 'The least important lines to log.'),
  logFormat: one(
    'log-format',
    oneOf(['auto', 'pretty', 'json']),
    'auto',
    'How log lines look; `auto` is pretty on a terminal and JSON elsewhere.',
  ),
  logFile: maybe('log-file', text('file'), 'stderr', 'Append the log to this file.'),
} satisfies Record<string, Option<never> | Option<unknown>>

export type ConfigKey = keyof typeof OPTIONS

export type Config = {
  readonly [K in ConfigKey]: (typeof OPTIONS)[K] extends Option<infer T> ? T : never
}

export const CONFIG_KEYS = Object.keys(OPTIONS) as readonly ConfigKey[]

export function environmentName(option: { readonly name: string }): string {
  return `BUSBAR_${option.name.toUpperCase().replaceAll('-', '_')}`
}

/** Every option at its default: for tests and for those who embed the server. */
export function defaultConfig(changes: Partial<Config> = {}): Config {
  const config: Record<string, unknown> = {}
  for (const key of CONFIG_KEYS) config[key] = OPTIONS[key].default
  return { ...(config as Config), ...changes }
}

/** The storage engine to open: what `store` says, else a directory on disk. */
export function storeUrlOf(config: Config): string {
  return config.store ?? `file:${config.dataDir}`
}
