#!/usr/bin/env node
// Tutorial five: a log line with its topic as the routing key.
const amqp = require('amqplib/callback_api')

const [, , topic, ...words] = process.argv

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    const text = words.join(' ')
    channel.assertExchange('news_by_topic', 'topic', { durable: false })
    channel.publish('news_by_topic', topic, Buffer.from(text))
    console.log('emitted %s: %s', topic, text)
    channel.close(() => connection.close())
  })
})
