/** One log line for a person: time, level, message, then what is left as `name=value`. */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

const LEVEL_STYLES: Readonly<Record<string, Style>> = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' }

export function prettyLine(record: Readonly<Record<string, unknown>>, colour: boolean): string {
  const { time, level, msg, error, ...fields } = record
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text
  const name = String(level)
  const parts = [
    paint('gray', String(time).slice(11, 23)),
    paint(LEVEL_STYLES[name] ?? 'white', name.padEnd(5)),
    String(msg),
  ]
  for (const [key, value] of Object.entries(fields)) parts.push(paint('gray', `${key}=${shown(value)}`))
  let line = parts.join(' ')
  if (typeof error === 'object' && error !== null) {
    const { message, stack } = error as { message?: unknown; stack?: unknown }
    line += `: ${String(message)}`
    if (typeof stack === 'string') line += `\n${paint('gray', stack)}`
  }
  return `${line}\n`
}

function shown(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'undefined'
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value)
}
