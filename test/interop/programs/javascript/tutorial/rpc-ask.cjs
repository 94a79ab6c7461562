#!/usr/bin/env node
// Tutorial six: a client that asks, and waits for the answers that carry its correlation ids.
const { randomUUID } = require('node:crypto')
const amqp = require('amqplib/callback_api')

const questions = new Map(process.argv.slice(2).map((word) => [randomUUID(), word]))

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertQueue('', { exclusive: true }, (failure, replies) => {
      if (failure) throw failure
      const onReply = (message) => {
        const { correlationId } = message.properties
        console.log('fibonacci(%s) = %s', questions.get(correlationId), message.content.toString())
        questions.delete(correlationId)
        if (questions.size === 0) connection.close()
      }
      channel.consume(replies.queue, onReply, { noAck: true })
      for (const [correlationId, word] of questions) {
        channel.sendToQueue('fibonacci', Buffer.from(word), { correlationId, replyTo: replies.queue })
      }
    })
  })
})
