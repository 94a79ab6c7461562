#!/usr/bin/env node
// Tutorial four: hear only what is asked for on the command line.
const amqp = require('amqplib/callback_api')

const wanted = process.argv.slice(2)

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertExchange('news_by_severity', 'direct', { durable: false })
    channel.assertQueue('', { exclusive: true }, (failure, mine) => {
      if (failure) throw failure
      for (const key of wanted) channel.bindQueue(mine.queue, 'news_by_severity', key)
      const print = (message) => console.log('heard %s: %s', message.fields.routingKey, message.content.toString())
      channel.consume(mine.queue, print, { noAck: true }, () => console.log('waiting'))
    })
  })
})
