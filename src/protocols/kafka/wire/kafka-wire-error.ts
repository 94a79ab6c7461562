/**
 * What every decoder here throws when a peer's bytes make no sense; nothing else comes out of one. For a request it ends
 * the connection, as in Apache Kafka: nothing says that the next byte means what it seems to.
 */
export class KafkaWireError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'KafkaWireError'
  }
}
