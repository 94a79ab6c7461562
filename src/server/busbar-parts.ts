/** The parts a busbar is made of: the one place that names the concrete broker, storage and protocols. */
import { Users } from '../access/users.ts'
import { Broker } from '../broker/broker.ts'
import { ConfigError } from '../config/load-config.ts'
import { storeUrlOf } from '../config/options.ts'
import { AmqpProtocol, amqpSchemes } from '../protocols/amqp/amqp-protocol.ts'
import { amqpMessageFormat } from '../protocols/amqp/message-format.ts'
import { advertisedOf } from '../protocols/kafka/advertised.ts'
import { kafkaBatchFormat } from '../protocols/kafka/kafka-batch-format.ts'
import { KafkaProtocol, kafkaSchemes } from '../protocols/kafka/kafka-protocol.ts'
import { recordMessageFormat } from '../protocols/kafka/record-message.ts'
import type { Storage } from '../storage/contract.ts'
import { openStorage } from '../storage/open-storage.ts'
import { amqpSettings } from './amqp-settings.ts'
import { kafkaSettings } from './kafka-settings.ts'
import type { BrokerNeeds, RunningBroker, ServerParts, Surroundings } from './parts.ts'

export const busbarParts: ServerParts = {
  openStorage: openConfiguredStorage,
  openBroker,
  makeUsers,
  protocols: [
    {
      schemes: amqpSchemes,
      format: amqpMessageFormat,
      make: (context, config) => new AmqpProtocol(context, amqpSettings(config)),
    },
    {
      schemes: kafkaSchemes,
      format: recordMessageFormat,
      batchFormat: kafkaBatchFormat,
      checkListener: advertisedOf,
      make: (context, config, shared) => new KafkaProtocol(context, shared.formats, kafkaSettings(config, shared)),
    },
  ],
}

async function openConfiguredStorage({ config, clock, logger }: Surroundings): Promise<Storage> {
  const { durability } = config
  try {
    return await openStorage(storeUrlOf(config), { durability, clock, logger: logger.child({ component: 'storage' }) })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ConfigError('flag', `--store ${error.message}`, { cause: error })
  }
}

function openBroker(needs: BrokerNeeds, { config, clock, random, logger }: Surroundings): Promise<RunningBroker> {
  const { messageMemoryBytes, diskFreeBytesMin, vhosts, groupInitialDelayMs, offsetsRetentionMs } = config
  return Broker.open({
    ...needs,
    clock,
    random,
    logger: logger.child({ component: 'broker' }),
    messageMemoryBytes,
    diskFreeBytesMin,
    groups: { initialRebalanceDelayMs: groupInitialDelayMs, offsetsRetentionMs },
    vhosts,
  })
}

function makeUsers({ config, random }: Surroundings): Users {
  const users = new Users(random)
  const name = config.defaultUser
  users.set({ name, loopbackOnly: config.loopbackUsers.includes(name) }, config.defaultPassword)
  return users
}
