/** The command line: verbs, flags and help, made from the option table. Reads flags as text; the table gives meaning. */
import { Command, CommanderError, Option } from 'commander'
import { ConfigError, type LoadedConfig, loadConfig } from '../config/load-config.ts'
import { CONFIG_KEYS, OPTIONS, type Option as TableOption } from '../config/options.ts'
import { defaultText } from '../config/reference.ts'
import { VERSION } from '../config/version.ts'

export interface Actions {
  serve(loaded: LoadedConfig): Promise<number>
}

export interface Terminal {
  out(text: string): void
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly columns: number
}

const EXAMPLES = `
Examples:
  busbar serve                                       AMQP on 127.0.0.1:5672, data in ./data
  busbar serve --store memory: --listen amqp://127.0.0.1:0
  busbar serve --data /var/lib/busbar --listen amqp://0.0.0.0:5672 --default-user app --default-pass s3cret

Every option can also be set as BUSBAR_NAME in the environment (BUSBAR_FRAME_MAX=64KiB)
or as "name: value" in the file given by --config. Flags win, then the environment, then the file.`

/**
 * Runs what the arguments ask for; resolves with the exit code.
 * @throws {ConfigError} for a bad option or command
 */
export async function runProgram(args: readonly string[], actions: Actions, terminal: Terminal): Promise<number> {
  let exitCode = 0
  const program = new Command('busbar')
  program
    .description('One durable message broker for the clients you already have.')
    .version(VERSION, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help.')
    .helpCommand('help [command]', 'Print help for a command.')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: () => {}, getOutHelpWidth: () => terminal.columns })
  const serve = program.command('serve').description('Run the broker.').addHelpText('after', EXAMPLES)
  withOptions(serve).action(async (values: Record<string, unknown>) => {
    exitCode = await actions.serve(await load(values, terminal))
  })
  const show = program.command('config').description('Print every option with its value and where it came from.')
  withOptions(show).action(async (values: Record<string, unknown>) => {
    terminal.out(configTable(await load(values, terminal)))
  })
  try {
    await program.parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw new ConfigError('flag', usageText(error.message), { cause: error })
  }
  return exitCode
}

/** `error: unknown option '--dta'\n(Did you mean --data?)` -> one line of our own. */
function usageText(message: string): string {
  const text = message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)/, '; did you mean $1?')
  return `${text}; see busbar --help`
}

function withOptions(command: Command): Command {
  command.addOption(new Option('--config <file>', 'Read options from a YAML or JSON file.'))
  for (const key of CONFIG_KEYS) {
    const option = OPTIONS[key] as TableOption<unknown>
    command.addOption(
      new Option(`--${option.name} <${option.placeholder}>`, helpText(option)).argParser(
        (value: string, before: string[] | undefined) => [...(before ?? []), value],
      ),
    )
  }
  return command.allowExcessArguments(false).helpOption('-h, --help', 'Print help.')
}

function helpText(option: TableOption<unknown>): string {
  const meaning = option.meaning.replaceAll('`', '')
  return `${meaning} (${option.many ? 'repeatable; ' : ''}default: ${defaultText(option).replaceAll('`', '')})`
}

async function load(values: Readonly<Record<string, unknown>>, { environment }: Terminal): Promise<LoadedConfig> {
  const flags = new Map<string, readonly string[]>()
  for (const key of CONFIG_KEYS) {
    const { name } = OPTIONS[key]
    const texts = values[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())]
    if (Array.isArray(texts)) flags.set(name, texts as string[])
  }
  const path = typeof values['config'] === 'string' ? values['config'] : environment['BUSBAR_CONFIG']
  const file = path ? await (await import('../config/config-file.ts')).readConfigFile(path) : undefined
  return loadConfig({ flags, environment, file })
}

/** Three columns: name, value, origin. The password stays hidden: this is what people paste into reports. */
function configTable({ config, origins }: LoadedConfig): string {
  const rows = CONFIG_KEYS.map((key) => {
    const option = OPTIONS[key] as TableOption<unknown>
    const values = key === 'defaultPassword' ? ['********'] : option.show(config[key])
    const value = values.length === 0 ? `(${option.defaultNote})` : values.join(', ')
    return [option.name, value, origins[key] === 'default' ? '' : origins[key]] as const
  })
  const [nameWidth, valueWidth] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(([name, value, origin]) => `${name.padEnd(nameWidth!)}  ${value.padEnd(valueWidth!)}  ${origin}`.trimEnd())
    .join('\n')
    .concat('\n')
}
