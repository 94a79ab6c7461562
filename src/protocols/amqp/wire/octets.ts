/**
 * Prints bytes inside error texts the way Erlang does, because clients and their users compare RabbitMQ's texts:
 * `<<0,50,0,10>>` for numbers, `<<"abc">>` where every octet is printable, `<<>>` for none.
 */

/** The escapes Erlang uses inside a printed string, by octet. */
const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0b, '\\v'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x1b, '\\e'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
])

/** Always numbers; at most `countMax` of them, then `...`. */
export function octets(buffer: Buffer, start: number, end: number, countMax: number): string {
  const shown = buffer.subarray(start, Math.min(end, start + countMax))
  return `<<${shown.join(',')}${end - start > countMax ? ',...' : ''}>>`
}

/** A string where every octet is printable ASCII, numbers otherwise. Prints all of the range: the caller bounds it. */
function printableOctets(buffer: Buffer, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) {
    const octet = buffer[at]!
    const escaped = ESCAPES.get(octet)
    if (escaped === undefined && (octet < 0x20 || octet > 0x7e)) return octets(buffer, start, end, end - start)
    text += escaped ?? String.fromCharCode(octet)
  }
  return start === end ? '<<>>' : `<<"${text}">>`
}

/** RabbitMQ shows a short payload whole and a long one by its beginning. */
const SNIPPET_OCTETS = 16

/** `type 77, all octets = <<"a">>`, or `type 3, first 16 octets = ...` when the payload is longer. */
export function frameSnippet(type: number, buffer: Buffer, start: number, end: number): string {
  const isWhole = end - start <= SNIPPET_OCTETS
  const shown = printableOctets(buffer, start, isWhole ? end : start + SNIPPET_OCTETS)
  return `type ${type}, ${isWhole ? 'all' : `first ${SNIPPET_OCTETS}`} octets = ${shown}`
}
