/** What is said when clients can connect: for a person one screen with URLs to copy, for a program one JSON line. */
import { styleText } from 'node:util'
import { type Config, storeUrlOf } from '../config/options.ts'
import { VERSION } from '../config/version.ts'

export function readyLine(endpoints: Readonly<Record<string, string>>): string {
  return `${JSON.stringify({ msg: 'ready', endpoints })}\n`
}

export interface ReadyScreen {
  readonly config: Config
  readonly endpoints: Readonly<Record<string, string>>
  readonly startMs: number
  readonly colour: boolean
}

export function readyScreen({ config, endpoints, startMs, colour }: ReadyScreen): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text
  const rows = Object.entries(endpoints).map(([name, url]) => [name, withUser(url, config)] as const)
  const width = Math.max(...rows.map(([name]) => name.length), 'store'.length)
  const lines = [
    '',
    `  ${paint('bold', 'busbar')} ${VERSION}  ready in ${Math.round(startMs)} ms`,
    '',
    ...rows.map(([name, url]) => `  ${paint('gray', name.padEnd(width))}  ${paint('cyan', url)}`),
    `  ${paint('gray', 'store'.padEnd(width))}  ${storeText(config)}`,
    '',
    `  Ctrl-C stops it, and nothing acknowledged is lost.`,
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** A URL that works when pasted into a client; a password somebody chose is not shown on a screen. */
function withUser(url: string, { defaultUser, defaultPassword }: Config): string {
  if (defaultUser !== 'guest' || defaultPassword !== 'guest') return url
  return url.replace('://', '://guest:guest@')
}

function storeText(config: Config): string {
  const store = storeUrlOf(config)
  if (store.startsWith('memory:')) return 'memory only: nothing is kept over a restart'
  const safety =
    config.durability === 'flush' ? 'flushed to disk before a confirm' : 'confirmed before the flush to disk'
  return `${store.replace(/^file:(\/\/)?/, '')} (${safety})`
}
