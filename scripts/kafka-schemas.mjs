/**
 * Writes src/protocols/kafka/wire/schemas/ from Apache Kafka's message definitions: for each API the types of its request
 * and response, and its fields in the notation of src/protocols/kafka/wire/schema.ts. Run by hand when a new Kafka version
 * is taken over; neither the build nor a test needs it.
 *
 *     node scripts/kafka-schemas.mjs <definitions.json>
 *
 * The file holds { apis: [{ apiKey, name, validVersions, flexibleVersions, request, response }], dataStructs: { name: ... } },
 * each message with `fields` as in Kafka's own message files.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './support/run.mjs'

const APIS = [
  'Produce Fetch ListOffsets Metadata OffsetCommit OffsetFetch FindCoordinator JoinGroup Heartbeat LeaveGroup SyncGroup',
  'DescribeGroups ListGroups SaslHandshake ApiVersions CreateTopics DeleteTopics DeleteRecords InitProducerId',
  'OffsetForLeaderEpoch AddPartitionsToTxn AddOffsetsToTxn EndTxn TxnOffsetCommit DescribeConfigs AlterConfigs',
  'SaslAuthenticate CreatePartitions DeleteGroups IncrementalAlterConfigs OffsetDelete DescribeCluster DescribeProducers',
  'DescribeTransactions ListTransactions DescribeTopicPartitions DescribeLogDirs ListConfigResources',
].flatMap((line) => line.split(' '))

const GROUP_PAYLOADS = ['ConsumerProtocolSubscription', 'ConsumerProtocolAssignment']

const BANNER =
  '/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */\n'

const NUMBERS = new Set(['int8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'float64'])

const folder = join(root, 'src/protocols/kafka/wire/schemas')

/** `3+`, `0-12`, `4`, `none` -> [first, last], cut to the versions that exist. */
function rangeOf(text, [min, max]) {
  if (text === undefined || text === 'none') return undefined
  const [, first, plus, last] = /^(\d+)(\+)?(?:-(\d+))?$/.exec(text)
  const range = [Math.max(Number(first), min), Math.min(plus ? max : Number(last ?? first), max)]
  return range[0] <= range[1] ? range : undefined
}

const isWhole = (range, [min, max]) => range[0] <= min && range[1] >= max

/** ` 3+` or ` 0-12`; nothing when it is every version of `whole`. */
function shownRange(range, whole) {
  if (isWhole(range, whole)) return ''
  if (range[1] === whole[1]) return `${range[0]}+`
  return range[0] === range[1] ? `${range[0]}` : `${range[0]}-${range[1]}`
}

const camel = (name) => name[0].toLowerCase() + name.slice(1)

/** Copies the definitions of structs that are used by name into the fields that use them. */
function inlined(fields, common) {
  return fields.map((field) => {
    const base = field.type.replace('[]', '')
    const inner = field.fields ?? common.get(base)?.fields
    return inner === undefined ? field : { ...field, fields: inlined(inner, common) }
  })
}

function notation(fields, valid, indent) {
  const lines = []
  for (const field of fields) {
    const versions = rangeOf(field.versions, valid)
    if (versions === undefined) continue
    const nullable = rangeOf(field.nullableVersions, versions)
    const words = [camel(field.name)]
    words.push(nullable === undefined ? field.type : `${field.type}?${shownRange(nullable, versions)}`)
    const shown = shownRange(versions, valid)
    if (shown !== '') words.push(shown)
    if (field.tag !== undefined) words.push(`#${field.tag}`)
    const fallback = defaultOf(field)
    if (fallback !== undefined) words.push(`= ${fallback}`)
    if (field.ignorable) words.push('ignorable')
    lines.push(`${indent}${words.join(' ')}`)
    if (field.fields) lines.push(...notation(field.fields, versions, `${indent}  `))
  }
  return lines
}

/** What stands for a field that is not given, where it is not the type's own nothing. */
function defaultOf(field) {
  const given = field.default
  if (given === undefined) return undefined
  if (given === null) return 'null'
  const text = String(given)
  if (text === '' || text === '0' || text === 'false') return undefined
  return text.startsWith('0x') ? String(Number(text)) : text
}

/** Names each struct; the same name with other fields gets `suffix`. */
class StructNames {
  #taken = new Map()

  nameOf(field, suffix) {
    const base = field.type.replace('[]', '')
    const shape = JSON.stringify([suffix, field.fields])
    for (const name of [base, `${base}${suffix}`, `${base}${suffix}2`]) {
      const taken = this.#taken.get(name)
      if (taken === undefined || taken === shape) {
        this.#taken.set(name, shape)
        return { name, isNew: taken === undefined }
      }
    }
    throw new Error(`no name left for ${base}`)
  }
}

function interfaces(name, fields, valid, kind, names) {
  const inner = []
  const lines = [`export interface ${name} {`]
  for (const field of fields) {
    const versions = rangeOf(field.versions, valid)
    if (versions === undefined) continue
    let type = field.type.replace('[]', '')
    if (field.fields) {
      const struct = names.nameOf(field, kind)
      type = struct.name
      if (struct.isNew) inner.push(...interfaces(type, field.fields, versions, kind, names))
    } else type = plainType(type, kind)
    if (field.type.startsWith('[]')) type = `readonly ${type}[]`
    if (rangeOf(field.nullableVersions, versions) !== undefined) type += ' | null'
    const mayBeMissing = kind === 'Response' && isOptional(field, versions, valid)
    const note = isWhole(versions, valid) ? '' : `  /** Versions ${shownRange(versions, valid)}. */\n`
    lines.push(
      `${note}  ${kind === 'Request' ? 'readonly ' : ''}${camel(field.name)}${mayBeMissing ? '?' : ''}: ${type}${mayBeMissing ? ' | undefined' : ''}`,
    )
  }
  return [...inner, ...lines, '}', '']
}

function plainType(type, kind) {
  if (NUMBERS.has(type)) return 'number'
  if (type === 'bool') return 'boolean'
  if (type === 'string') return 'string'
  if (type === 'records' && kind === 'Response') return 'Buffer | readonly Buffer[]'
  return 'Buffer'
}

/** A writer may leave out what has a default that means "nothing", and what not every version carries. */
function isOptional(field, versions, valid) {
  return field.tag !== undefined || field.ignorable === true || field.default !== undefined || !isWhole(versions, valid)
}

const kebab = (name) => name.replaceAll(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()

function apiFile(api) {
  const valid = rangeOf(api.validVersions, [0, 99])
  const names = new StructNames()
  const common = (message) => new Map((message.commonStructs ?? []).map((struct) => [struct.name, struct]))
  const requestFields = inlined(api.request.fields, common(api.request))
  const responseFields = inlined(api.response.fields, common(api.response))
  const flexible = rangeOf(api.flexibleVersions, valid)
  const lines = [
    ...interfaces(`${api.name}Request`, requestFields, valid, 'Request', names),
    ...interfaces(`${api.name}Response`, responseFields, valid, 'Response', names),
    `export const ${camel(api.name)}Schema: ApiSchema = {`,
    `  key: ${api.apiKey},`,
    `  name: '${api.name}',`,
    `  versionMin: ${valid[0]},`,
    `  versionMax: ${valid[1]},`,
    `  flexibleFrom: ${flexible === undefined ? 'undefined' : flexible[0]},`,
    `  request: \``,
    ...notation(requestFields, valid, ''),
    '`,',
    '  response: `',
    ...notation(responseFields, valid, ''),
    '`,',
    '}',
    '',
  ]
  return `${BANNER}import type { ApiSchema } from '../schema.ts'\n\n${lines.join('\n')}`
}

function payloadFile(messages) {
  const lines = []
  const names = new StructNames()
  for (const message of messages) {
    const valid = rangeOf(message.validVersions, [0, 99])
    const fields = inlined(message.fields, new Map())
    lines.push(
      ...interfaces(message.name, fields, valid, 'Payload', names),
      `export const ${camel(message.name)}Schema: MessageSchema = {`,
      `  name: '${message.name}',`,
      `  versionMin: ${valid[0]},`,
      `  versionMax: ${valid[1]},`,
      '  flexibleFrom: undefined,',
      '  fields: `',
      ...notation(fields, valid, ''),
      '`,',
      '}',
      '',
    )
  }
  return `${BANNER}import type { MessageSchema } from '../schema.ts'\n\n${lines.join('\n')}`
}

function tableFile(apis) {
  const lines = ["import type { ApiSchema } from '../schema.ts'"]
  for (const { name } of apis) {
    lines.push(
      `import { type ${name}Request, type ${name}Response, ${camel(name)}Schema } from './${kebab(name)}.gen.ts'`,
    )
  }
  lines.push('', '/** The number of each API, by its name. */', 'export const API = {')
  for (const { name, apiKey } of apis) lines.push(`  ${name}: ${apiKey},`)
  lines.push('} as const', '', '/** The objects of each API, by its number. */', 'export interface ApiMessages {')
  for (const { name, apiKey } of apis) lines.push(`  ${apiKey}: { request: ${name}Request; response: ${name}Response }`)
  lines.push('}', '', 'export const apiSchemas: readonly ApiSchema[] = [')
  for (const { name } of apis) lines.push(`  ${camel(name)}Schema,`)
  lines.push(']', '')
  return `${BANNER}${lines.join('\n')}`
}

const [path] = process.argv.slice(2)
if (path === undefined) {
  process.stderr.write('usage: node scripts/kafka-schemas.mjs <definitions.json>\n')
  process.exit(64)
}
const definitions = JSON.parse(readFileSync(path, 'utf8'))
const apis = APIS.map((name) => {
  const api = definitions.apis.find((candidate) => candidate.name === name)
  if (api === undefined) throw new Error(`no API ${name} in ${path}`)
  return api
})
mkdirSync(folder, { recursive: true })
for (const api of apis) writeFileSync(join(folder, `${kebab(api.name)}.gen.ts`), apiFile(api))
const payloads = GROUP_PAYLOADS.map((name) => definitions.dataStructs[name])
writeFileSync(join(folder, 'consumer-protocol.gen.ts'), payloadFile(payloads))
writeFileSync(join(folder, 'apis.gen.ts'), tableFile(apis))
execFileSync(join(root, 'node_modules/.bin/biome'), ['check', '--write', folder], { stdio: 'inherit' })
