/** The reference page of the options, as Markdown: docs/operations/configuration.md is this, word for word. */
import { CONFIG_KEYS, environmentName, OPTIONS, type Option } from './options.ts'

const INTRODUCTION = `# Configuration

Made from the table in src/config/options.ts; a test keeps it so. To write it anew:
\`npx vitest run --project unit src/config -u\`.

Flags win over the environment, the environment over the file, the file over the defaults. An option is taken whole from
the highest of them that names it: lists are not merged. \`busbar config\` shows every value and where it came from.

- **Flags**: \`--name VALUE\`; a list repeats the flag.
- **Environment**: \`BUSBAR_NAME=VALUE\`; a list is separated by commas.
- **File**: \`--config FILE\` or \`BUSBAR_CONFIG=FILE\`, YAML or JSON, \`name: value\`; a list is a list.
- **Sizes**: \`64MiB\` (powers of 1024), \`50MB\` (powers of 1000), or bare bytes.
- **Durations**: \`500ms\`, \`10s\`, \`2m\`, \`1h\`; a bare number is seconds.

A name that does not exist is an error in flags and file (with the closest one that does) and a warning in the environment.
`

export function referencePage(): string {
  const sections = CONFIG_KEYS.map((key) => section(OPTIONS[key] as Option<unknown>))
  return `${INTRODUCTION}\n${sections.join('\n')}`
}

function section(option: Option<unknown>): string {
  const values = option.placeholder.includes('|') ? option.placeholder.split('|').map((value) => `\`${value}\``) : []
  const kind = values.length > 0 ? values.join(', ') : option.placeholder
  return `## \`${option.name}\`

${option.meaning}

| flag | environment | value | default |
|---|---|---|---|
| \`--${option.name}\` | \`${environmentName(option)}\` | ${kind}${option.many ? ', repeatable' : ''} | ${defaultText(option)} |
`
}

/** What help and reference say about the default. */
export function defaultText(option: Option<unknown>): string {
  return (
    option.defaultNote ??
    option
      .show(option.default)
      .map((value) => `\`${value}\``)
      .join(', ')
  )
}
