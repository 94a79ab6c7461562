#!/usr/bin/env node
// Tutorial one: put one message into a queue.
const amqp = require('amqplib/callback_api')

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertQueue('greetings', { durable: false })
    channel.sendToQueue('greetings', Buffer.from('Hello, copper!'))
    console.log('sent Hello, copper!')
    channel.close(() => connection.close())
  })
})
