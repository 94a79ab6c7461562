#!/usr/bin/env node
// Tutorial four: a log line with its severity as the routing key.
const amqp = require('amqplib/callback_api')

const [, , severity, ...words] = process.argv

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    const text = words.join(' ')
    channel.assertExchange('news_by_severity', 'direct', { durable: false })
    channel.publish('news_by_severity', severity, Buffer.from(text))
    console.log('emitted %s: %s', severity, text)
    channel.close(() => connection.close())
  })
})
