/**
 * What a generator process is asked to do, and what it answers: plain data that goes over the channel between the
 * processes as JSON.
 */
import type { Latency } from './latency-recorder.ts'
import type { AckPlan } from './load-consumer.ts'

export interface QueuePlan {
  /** All of one length, so that all messages have one size. */
  readonly names: readonly string[]
  readonly durable: boolean
  readonly arguments: Readonly<Record<string, string | number>>
  /** Publish to a fanout exchange that all are bound to; else to each queue in turn by its name. */
  readonly fanout: boolean
}

export type Pace =
  /** Confirms, so many unconfirmed in all, shared by the connections. */
  | { readonly kind: 'window'; readonly window: number }
  | { readonly kind: 'unconfirmed' }
  | { readonly kind: 'rate'; readonly perSecond: number }

export interface PublishPlan {
  readonly connections: number
  readonly bodyBytes: number
  readonly persistent: boolean
  readonly pace: Pace
}

export interface ConsumePlan {
  readonly connections: number
  readonly prefetch: number
  readonly acks: AckPlan
}

interface Target {
  readonly port: number
  /** Whose processor time is counted. */
  readonly brokerPid: number
  readonly queues: QueuePlan
}

export interface MeasureJob extends Target {
  readonly kind: 'measure'
  readonly publish: PublishPlan
  readonly consume: ConsumePlan
  readonly warmupMs: number
  readonly measureMs: number
}

/** Publish so many, all confirmed, and leave them there. */
export interface FillJob extends Target {
  readonly kind: 'fill'
  readonly publish: PublishPlan & { readonly pace: { readonly kind: 'window' } }
  readonly count: number
}

/** Consume so many that are there. */
export interface DrainJob extends Target {
  readonly kind: 'drain'
  readonly consume: ConsumePlan
  readonly count: number
}

export type Job = MeasureJob | FillJob | DrainJob

/** Counts and use of the measured time only. */
export interface LoadResult {
  readonly seconds: number
  readonly publishedCount: number
  readonly confirmedCount: number
  readonly deliveredCount: number
  /** Processor seconds for each second: 1 is one core busy. */
  readonly generatorCores: number
  readonly brokerCores: number | undefined
  /** How often a broker raised an alarm: such a run measured the alarm. */
  readonly blockedCount: number
  readonly latency: Latency | undefined
  readonly publisherLatenessMaxMs: number | undefined
}

export type Answer = { readonly kind: 'done'; readonly result: LoadResult } | { readonly kind: 'failed'; text: string }

const isTagged = (value: unknown): value is { kind: unknown } =>
  typeof value === 'object' && value !== null && 'kind' in value

/** Both ends are our own, built together: the tag tells a message of ours from anything else. */
export const isJob = (value: unknown): value is Job =>
  isTagged(value) && (value.kind === 'measure' || value.kind === 'fill' || value.kind === 'drain')

export const isAnswer = (value: unknown): value is Answer =>
  isTagged(value) && (value.kind === 'done' || value.kind === 'failed')
