/**
 * The kinds of value an option can have: how each is read from text, and how it is shown again. Whatever layer a value
 * comes from (flag, environment, file), it is read here, once.
 */

/** What is wrong with a value, without the name of the option: the caller knows where it stood. */
export class BadValue extends Error {}

export interface Kind<T> {
  /** Stands for the value in help: `<size>`. */
  readonly placeholder: string
  /** @throws {BadValue} */
  read(text: string): T
  /** Text that `read` understands. */
  show(value: T): string
}

const SIZE_UNITS = ['TiB', 'TB', 'GiB', 'GB', 'MiB', 'MB', 'KiB', 'KB', 'B'] as const
const SIZE_FACTORS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** `64MiB`, `50MB`, or bare bytes. */
export function size(min: number, max: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const show = (bytes: number): string => {
    const unit = SIZE_UNITS.find(
      (name) => bytes >= 2 * SIZE_FACTORS[name.toLowerCase()]! && bytes % SIZE_FACTORS[name.toLowerCase()]! === 0,
    )
    return unit === undefined || unit === 'B' ? String(bytes) : `${bytes / SIZE_FACTORS[unit.toLowerCase()]!}${unit}`
  }
  return {
    placeholder: 'size',
    show,
    read: (text) => {
      const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text)
      const factor = SIZE_FACTORS[(match?.[2] ?? '').toLowerCase() || 'b']
      if (!match || factor === undefined) throw new BadValue('is not a size, such as 64MiB, 50MB or 131072')
      return within(Math.round(Number(match[1]) * factor), min, max, show)
    },
  }
}

const DURATION_FACTORS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `10s`, `500ms`, `2m`; a bare number is seconds, as RabbitMQ's heartbeat is. The value is milliseconds. */
export function duration(minMs: number, maxMs: number): Kind<number> {
  const show = (ms: number): string => {
    const unit = ['d', 'h', 'm', 's'].find(
      (name) => ms >= 2 * DURATION_FACTORS[name]! && ms % DURATION_FACTORS[name]! === 0,
    )
    return ms === 0 ? '0s' : unit === undefined ? `${ms}ms` : `${ms / DURATION_FACTORS[unit]!}${unit}`
  }
  return {
    placeholder: 'duration',
    show,
    read: (text) => {
      const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/i.exec(text)
      if (!match) throw new BadValue('is not a duration, such as 10s, 500ms or 2m')
      return within(
        Math.round(Number(match[1]) * DURATION_FACTORS[(match[2] ?? 's').toLowerCase()]!),
        minMs,
        maxMs,
        show,
      )
    },
  }
}

export function integer(min: number, max: number): Kind<number> {
  return {
    placeholder: 'number',
    show: String,
    read: (text) => {
      if (!/^\d+$/.test(text)) throw new BadValue('is not a whole number')
      return within(Number(text), min, max, String)
    },
  }
}

function within(value: number, min: number, max: number, show: (value: number) => string): number {
  if (value < min) throw new BadValue(`is too small: at least ${show(min)}`)
  if (value > max) throw new BadValue(`is too large: at most ${show(max)}`)
  return value
}

export function oneOf<const T extends string>(values: readonly T[]): Kind<T> {
  return {
    placeholder: values.join('|'),
    show: String,
    read: (text) => {
      const value = values.find((candidate) => candidate === text)
      if (value === undefined) throw new BadValue(`is not one of ${values.join(', ')}`)
      return value
    },
  }
}

export function text(placeholder: string): Kind<string> {
  return {
    placeholder,
    show: String,
    read: (value) => {
      if (value === '') throw new BadValue('is empty')
      return value
    },
  }
}

/** A place to listen on: `amqp://127.0.0.1:5672`. Which schemes there are, the server knows. */
export const listenUrl: Kind<URL> = {
  placeholder: 'url',
  show: (url) => url.href,
  read: (value) => {
    if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || !URL.canParse(value)) {
      throw new BadValue('is not a listener, such as amqp://127.0.0.1:5672')
    }
    const url = new URL(value)
    if (url.hostname === '') throw new BadValue('names no host; every address is amqp://0.0.0.0:5672')
    if (url.username !== '' || url.password !== '') throw new BadValue('carries a user; a listener has none')
    if (url.pathname !== '' && url.pathname !== '/') throw new BadValue('carries a path; a listener has none')
    return url
  },
}

/** Where messages are kept: an engine by its scheme. Not a `URL`: `file:./data` is relative, which URLs cannot be. */
export const storeUrl: Kind<string> = {
  placeholder: 'url',
  show: String,
  read: (value) => {
    if (!/^[a-z][a-z0-9+.-]+:/i.test(value)) throw new BadValue('is not a store, such as file:./data or memory:')
    return value
  },
}
