#!/usr/bin/env node
// Tutorial six: a server that answers with Fibonacci numbers.
const amqp = require('amqplib/callback_api')

const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2))

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertQueue('fibonacci', { durable: false })
    channel.prefetch(1)
    const answer = (message) => {
      const n = Number(message.content.toString())
      console.log('asked %d', n)
      const { replyTo, correlationId } = message.properties
      channel.sendToQueue(replyTo, Buffer.from(String(fibonacci(n))), { correlationId })
      channel.ack(message)
    }
    channel.consume('fibonacci', answer, {}, () => console.log('waiting'))
  })
})
