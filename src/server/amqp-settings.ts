/** From the options of the broker to the settings of AMQP. */
import { hostname } from 'node:os'
import type { Config } from '../config/options.ts'
import { VERSION } from '../config/version.ts'
import { type AmqpSettings, defaultAmqpSettings } from '../protocols/amqp/settings.ts'

export function amqpSettings(config: Config): AmqpSettings {
  return {
    ...defaultAmqpSettings,
    identity: {
      ...defaultAmqpSettings.identity,
      product: config.product,
      version: config.productVersion,
      platform: `busbar ${VERSION} on Node.js ${process.versions.node}`,
      clusterName: config.clusterName ?? `busbar@${hostname()}`,
    },
    frameMax: config.frameBytesMax,
    channelMax: config.channelCountMax,
    // Whole seconds on the wire; a short one must not become none.
    heartbeatSeconds: Math.ceil(config.heartbeatMs / 1000),
    messageBytesMax: config.messageBytesMax,
    handshakeTimeoutMs: config.handshakeTimeoutMs,
  }
}
