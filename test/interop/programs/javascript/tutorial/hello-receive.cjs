#!/usr/bin/env node
// Tutorial one: print what arrives in a queue.
const amqp = require('amqplib/callback_api')

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertQueue('greetings', { durable: false })
    const print = (message) => console.log('received %s', message.content.toString())
    channel.consume('greetings', print, { noAck: true }, () => console.log('waiting'))
  })
})
