/** Ages as RabbitMQ writes them: '7D', '1h'. */
const unitsMs: ReadonlyMap<string, number> = new Map([
  ['Y', 365 * 86_400_000],
  ['M', 30 * 86_400_000],
  ['D', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
])

/** In milliseconds; undefined when the text is no age, or none at all. */
export function ageMs(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([YMDhms])$/.exec(text) ?? []
  const milliseconds = Number(count) * (unitsMs.get(unit ?? '') ?? 0)
  return milliseconds > 0 ? milliseconds : undefined
}
