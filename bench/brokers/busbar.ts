/** Starts busbar as its users do, as a process of its own on a given data directory, and knows how to end it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { RunningBroker } from './running-broker.ts'

export interface BusbarProcess extends RunningBroker {
  /** Where the options ask for that door. */
  readonly kafkaPort: number | undefined
  /** From spawn to the line that says it is ready. */
  readonly readyMs: number
  /** Of `performance.now()`, when it was spawned. */
  readonly spawnedMs: number
  /** As a crash would end it. */
  kill9(): Promise<void>
}

const START_TIMEOUT_MS = 120_000

/** @param launcher the command's file, run by this very node */
export async function startBusbar(
  launcher: string,
  dataDirectory: string,
  options: readonly string[] = [],
): Promise<BusbarProcess> {
  const spawnedMs = performance.now()
  const args = [launcher, 'serve', '--data', dataDirectory, '--listen', 'amqp://127.0.0.1:0', ...options]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ready = await readyLine(child)
  const port = portOf(ready, 'amqp')
  if (port === undefined) throw new Error(`busbar names no amqp endpoint: ${ready}`)
  const readyMs = performance.now() - spawnedMs
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  return {
    port,
    kafkaPort: portOf(ready, 'kafka'),
    pid: child.pid ?? 0,
    readyMs,
    spawnedMs,
    async stop() {
      await end('SIGTERM')
      if (child.exitCode !== 0) throw new Error(`busbar ended with ${child.signalCode ?? child.exitCode}, not with 0`)
    },
    kill9: () => end('SIGKILL'),
  }
}

function portOf(ready: string, scheme: string): number | undefined {
  const port = new RegExp(`"${scheme}":"${scheme}://[^"]*:(\\d+)`).exec(ready)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** Waits for the line `{"msg":"ready","endpoints":{"amqp":"amqp://HOST:PORT"}}`. */
function readyLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`busbar was not ready within ${START_TIMEOUT_MS / 1000} s: ${said}`))
    }, START_TIMEOUT_MS)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(new Error(`busbar ended before it was ready (${signal ?? code}): ${said}`))
    })
    const read = (chunk: Buffer): void => {
      said += chunk.toString()
      // Up to its end: a line may come in pieces.
      const line = /^(.*"msg":"ready".*)\n/m.exec(said)?.[1]
      if (line === undefined) return
      clearTimeout(timer)
      // The pipes are read to nowhere from here on: a full one would stall the broker.
      child.stdout?.off('data', read).resume()
      child.stderr?.off('data', read).resume()
      resolve(line)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
}
