/** SaslHandshake: which mechanism a client wants to log in with. In version 0 bare bytes follow, see login.ts. */
import type { Api } from '../api.ts'
import { SASL_MECHANISMS } from '../login.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type SaslHandshakeRequest,
  type SaslHandshakeResponse,
  saslHandshakeSchema,
} from '../wire/schemas/sasl-handshake.gen.ts'

const CODES = {
  chosen: KAFKA_ERRORS.NONE.code,
  'unknown-mechanism': KAFKA_ERRORS.UNSUPPORTED_SASL_MECHANISM.code,
  'wrong-moment': KAFKA_ERRORS.ILLEGAL_SASL_STATE.code,
} as const

export const saslHandshake: Api<SaslHandshakeRequest, SaslHandshakeResponse> = {
  key: saslHandshakeSchema.key,
  versionMin: saslHandshakeSchema.versionMin,
  versionMax: saslHandshakeSchema.versionMax,
  handle: ({ mechanism }, { login, apiVersion }) => ({
    errorCode: CODES[login.choose(mechanism, apiVersion === 0)],
    mechanisms: SASL_MECHANISMS,
  }),
}
