/**
 * What a process used, from /proc: processor time and memory, of ourselves and of a broker. Where there is no /proc
 * (not Linux) the answer is undefined and the report says "not measured".
 */
import { readFileSync } from 'node:fs'

/** USER_HZ, which Linux fixes for all that /proc shows, on every architecture Node runs on. */
const TICKS_PER_SECOND = 100

export interface MemoryUse {
  readonly residentBytes: number
  /** The most it ever was. */
  readonly peakBytes: number
}

/** Processor seconds, user and system, all threads. */
export function cpuSecondsOf(pid: number): number | undefined {
  const stat = readProc(pid, 'stat')
  return stat === undefined ? undefined : cpuSecondsIn(stat)
}

export function memoryOf(pid: number): MemoryUse | undefined {
  const status = readProc(pid, 'status')
  return status === undefined ? undefined : memoryIn(status)
}

/** `pid (name) state ...`: the name may hold spaces and brackets, so fields are counted from its last bracket on. */
export function cpuSecondsIn(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const userTicks = Number(fields[11])
  const systemTicks = Number(fields[12])
  return Number.isFinite(userTicks + systemTicks) ? (userTicks + systemTicks) / TICKS_PER_SECOND : undefined
}

export function memoryIn(status: string): MemoryUse | undefined {
  const residentKib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  const peakKib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  if (residentKib === undefined || peakKib === undefined) return undefined
  return { residentBytes: Number(residentKib) * 1024, peakBytes: Number(peakKib) * 1024 }
}

function readProc(pid: number, file: 'stat' | 'status'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return undefined
  }
}
