/** What the bench needs to know of any broker it measures. */
export interface RunningBroker {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a private RabbitMQ node; undefined where it is not installed. Handed in, since it is plain JavaScript. */
export type StartRabbitmq = () => Promise<(RunningBroker & { readonly version: string }) | undefined>
