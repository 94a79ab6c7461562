/**
 * What is served: the one table of it. An API that is not here is not advertised, and a request for it ends the connection.
 */
import type { Api } from '../api.ts'
import { makeApiVersions } from './api-versions.ts'

/** Any of them: the key says what its request and response are. */
export type AnyApi = Api<never, unknown>

const besidesApiVersions: readonly AnyApi[] = []

export const servedApis: readonly AnyApi[] = [...besidesApiVersions, makeApiVersions(besidesApiVersions)]

const byKey: (AnyApi | undefined)[] = []
for (const api of servedApis) byKey[api.key] = api

export function findApi(key: number): AnyApi | undefined {
  return byKey[key]
}
