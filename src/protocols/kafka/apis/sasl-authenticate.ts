/** SaslAuthenticate: name and password. A wrong one is told, and ends the connection. */
import type { Api, RequestContext } from '../api.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type SaslAuthenticateRequest,
  type SaslAuthenticateResponse,
  saslAuthenticateSchema,
} from '../wire/schemas/sasl-authenticate.gen.ts'

const NO_BYTES = Buffer.alloc(0)

export const saslAuthenticate: Api<SaslAuthenticateRequest, SaslAuthenticateResponse> = {
  key: saslAuthenticateSchema.key,
  versionMin: saslAuthenticateSchema.versionMin,
  versionMax: saslAuthenticateSchema.versionMax,
  handle,
}

function handle({ authBytes }: SaslAuthenticateRequest, context: RequestContext): SaslAuthenticateResponse {
  const outcome = context.login.authenticate(authBytes)
  if (outcome === 'welcome') return { errorCode: 0, errorMessage: null, authBytes: NO_BYTES, sessionLifetimeMs: 0 }
  context.logger.warn('login refused', { peer: context.clientHost, client: context.clientId, why: outcome })
  const { code, message } =
    outcome === 'refused'
      ? { ...KAFKA_ERRORS.SASL_AUTHENTICATION_FAILED, message: 'wrong user name or password' }
      : KAFKA_ERRORS.ILLEGAL_SASL_STATE
  return { errorCode: code, errorMessage: message, authBytes: NO_BYTES }
}
