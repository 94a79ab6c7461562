/**
 * `busbar serve`: starts the server, says where it is, and stops it in order when told to.
 *
 *     starting ── ready ──► serving ── SIGTERM, SIGINT, SIGHUP ──► stopping ── done ──► exit 0
 *                                                    └── a second signal, or 30 seconds ──► exit at once
 */
import { constants } from 'node:os'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Config, storeUrlOf } from '../config/options.ts'
import { VERSION } from '../config/version.ts'
import type { ServerParts } from '../server/parts.ts'
import { type RunningServer, startServer } from '../server/server.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import { ExitCode, failureOf } from './exit-codes.ts'
import { readyLine, readyScreen } from './ready-screen.ts'

const STOP_MS_MAX = 30_000

/** Ctrl-C under npm arrives twice, from the terminal and from npm: within this time it is one wish. */
const SAME_SIGNAL_MS = 500

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** Resolves with the exit code when the server has stopped. @throws whatever keeps it from starting */
export async function serve(config: Config, warnings: readonly string[], parts: ServerParts): Promise<number> {
  const logger = createLogger({
    level: config.logLevel,
    format: config.logFormat === 'auto' ? (process.stderr.isTTY ? 'pretty' : 'json') : config.logFormat,
    file: config.logFile,
    colour: process.stderr.hasColors?.() ?? false,
  })
  const clock = systemClock
  for (const warning of warnings) logger.warn(warning)
  const stopAsked = stopSignals(logger, clock)
  dieOfBugs(logger)
  const server = await startServer(config, parts, { logger, clock })
  announce(server, config)
  logger.info('ready', { version: VERSION, endpoints: server.endpoints, store: storeUrlOf(config) })
  const reason = await Promise.race([stopAsked, server.failed])
  logger.info('stopping', typeof reason === 'string' ? { signal: reason } : { error: reason })
  const exitCode = await stopWithin(server, logger, clock)
  // A disk that failed: whoever supervises us must not take the end for a wish.
  return typeof reason === 'string' ? exitCode : failureOf(reason).exitCode
}

function announce({ endpoints }: RunningServer, config: Config): void {
  // The reader of the ready line may be gone already: that is no reason to stop serving.
  process.stdout.on('error', () => {})
  const screen = {
    config,
    endpoints,
    startMs: systemClock.monotonicMs(),
    colour: process.stdout.hasColors?.() ?? false,
  }
  process.stdout.write(process.stdout.isTTY ? readyScreen(screen) : readyLine(endpoints))
}

/** Resolves with the first signal; a later one ends the process on the spot. */
function stopSignals(logger: Logger, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    let firstMs: number | undefined
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (firstMs === undefined) {
          firstMs = clock.monotonicMs()
          resolve(signal)
        } else if (clock.monotonicMs() - firstMs > SAME_SIGNAL_MS) {
          logger.warn('stopping at once', { signal })
          process.exit(128 + constants.signals[signal])
        }
      })
    }
  })
}

async function stopWithin(server: RunningServer, logger: Logger, clock: Clock): Promise<number> {
  const cap = clock.after(STOP_MS_MAX, () => {
    logger.error(`did not stop within ${STOP_MS_MAX / 1000} s: leaving`)
    process.exit(ExitCode.internal)
  })
  try {
    await server.stop()
  } catch {
    // The server has logged what failed.
    return ExitCode.internal
  } finally {
    cap.cancel()
  }
  logger.info('stopped')
  return ExitCode.ok
}

/** After a bug the state is unknown: what is acknowledged is on disk, and the next start reads it from there. */
function dieOfBugs(logger: Logger): void {
  const die = (error: unknown): void => {
    logger.error('internal error: leaving', { error: error instanceof Error ? error : new Error(String(error)) })
    process.exit(failureOf(error).exitCode)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
}
