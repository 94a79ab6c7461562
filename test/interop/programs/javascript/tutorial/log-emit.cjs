#!/usr/bin/env node
// Tutorial three: tell everybody who listens.
const amqp = require('amqplib/callback_api')

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    const text = process.argv.slice(2).join(' ') || 'nothing new'
    channel.assertExchange('news', 'fanout', { durable: false })
    channel.publish('news', '', Buffer.from(text))
    console.log('emitted %s', text)
    channel.close(() => connection.close())
  })
})
