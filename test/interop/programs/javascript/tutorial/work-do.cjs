#!/usr/bin/env node
// Tutorial two: a worker that takes one task at a time and acknowledges it when it is done.
const amqp = require('amqplib/callback_api')

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertQueue('chores', { durable: true })
    channel.prefetch(1)
    const work = (message) => {
      const task = message.content.toString()
      console.log('began %s%s', task, message.fields.redelivered ? ' again' : '')
      setTimeout(
        () => {
          console.log('done %s', task)
          channel.ack(message)
        },
        (task.split('.').length - 1) * 100,
      )
    }
    channel.consume('chores', work, { noAck: false }, () => console.log('waiting'))
  })
})
