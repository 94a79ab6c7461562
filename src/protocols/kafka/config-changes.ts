/** Changing the configs of a topic, whichever API asks: who may be changed, and what is answered. */
import type { RequestContext } from './api.ts'
import { RESOURCE_BROKER, RESOURCE_TOPIC } from './configs.ts'
import { clipped, type Refusal, refusalOf } from './refusals.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'

export interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

export interface ResourceAnswer extends Resource {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export function answerFor({ resourceType, resourceName }: Resource, refusal: Refusal | undefined): ResourceAnswer {
  const errorMessage = refusal === undefined ? null : clipped(refusal.message)
  return { errorCode: refusal?.code ?? 0, errorMessage, resourceType, resourceName }
}

/** A resource that one request names twice is refused each time: which one should win? */
export function repeated<T extends Resource>(resources: readonly T[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const resource of resources) {
    const key = resourceKey(resource)
    if (seen.has(key)) twice.add(key)
    seen.add(key)
  }
  return twice
}

export const resourceKey = ({ resourceType, resourceName }: Resource): string => `${resourceType} ${resourceName}`

/**
 * Gives a topic the configs that `change` makes of those it has.
 * @param change may refuse; gets a copy it can alter
 */
export async function changeConfigs(
  resource: Resource,
  change: (configs: Map<string, string>) => Refusal | undefined,
  validateOnly: boolean,
  { session, settings }: RequestContext,
): Promise<Refusal | undefined> {
  const { resourceType, resourceName } = resource
  if (resourceType === RESOURCE_BROKER) {
    const message = `the configs of broker ${settings.nodeId} are options of the server and cannot be changed from here`
    return { ...KAFKA_ERRORS.INVALID_REQUEST, message }
  }
  if (resourceType !== RESOURCE_TOPIC) {
    return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `resources of type ${resourceType} have no configs here` }
  }
  const stream = session.streams.find(resourceName)
  if (stream === undefined) return KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION
  const configs = new Map(stream.configs)
  const refusal = change(configs)
  if (refusal !== undefined) return refusal
  try {
    session.streams.checkConfigs(configs)
    if (!validateOnly) await session.streams.setConfigs(resourceName, configs)
    return undefined
  } catch (error) {
    return refusalOf(error, KAFKA_ERRORS.INVALID_CONFIG.code)
  }
}
