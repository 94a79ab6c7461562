/** Apache Kafka's own programs for tests: its command-line tools, and Java programs compiled against its client. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Program } from './program.ts'

export type CommandLine = { command: string; args: string[] }

/** What scripts/peers/kafka-install.mjs answers: plain JavaScript, since the bench's scripts use it before anything is built. */
type Installation = {
  version: string
  classPath: string
  program(mainClass: string, args: readonly string[], jvm?: readonly string[], classPath?: string): CommandLine
  tool(name: string, args: readonly string[]): CommandLine
}
export type KafkaPrograms = { kind: 'ready'; kafka: Installation } | { kind: 'missing'; reason: string }

const installFile = new URL('../../../scripts/peers/kafka-install.mjs', import.meta.url).href
const cacheDirectory = fileURLToPath(new URL('../../../.cache', import.meta.url))

/** @throws where CI=true and they cannot be had */
export async function kafkaPrograms(): Promise<KafkaPrograms> {
  const { installKafka }: { installKafka(): Promise<KafkaPrograms> } = await import(installFile)
  const found = await installKafka()
  if (found.kind === 'missing' && process.env['CI'] === 'true') throw new Error(found.reason)
  return found
}

/** Compiles all of `sources` once and answers the class path for running them. Their text names the place. */
export async function compileJava(kafka: Installation, sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(kafka.version)
  for (const source of sources) hash.update(await readFile(source))
  const directory = join(cacheDirectory, `java-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(directory)) {
    const partial = `${directory}.${process.pid}`
    await mkdir(partial, { recursive: true })
    await new Program('javac', ['-d', partial, '-cp', kafka.classPath, ...sources]).finished()
    try {
      await rename(partial, directory)
    } catch (error) {
      // Another test file has just finished the same work.
      await rm(partial, { recursive: true, force: true })
      if (!existsSync(directory)) throw error
    }
  }
  return `${directory}:${kafka.classPath}`
}
