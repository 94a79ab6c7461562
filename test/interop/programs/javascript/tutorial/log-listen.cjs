#!/usr/bin/env node
// Tutorial three: hear everything from now on, through a queue of one's own.
const amqp = require('amqplib/callback_api')

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertExchange('news', 'fanout', { durable: false })
    channel.assertQueue('', { exclusive: true }, (failure, mine) => {
      if (failure) throw failure
      channel.bindQueue(mine.queue, 'news', '')
      const print = (message) => console.log('heard %s', message.content.toString())
      channel.consume(mine.queue, print, { noAck: true }, () => console.log('waiting'))
    })
  })
})
