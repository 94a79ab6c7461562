#!/usr/bin/env node
// Tutorial two: hand a task to whichever worker is free. Every dot in the task is a tenth of a second of work.
const amqp = require('amqplib/callback_api')

amqp.connect(process.env.AMQP_URL, (failure, connection) => {
  if (failure) throw failure
  connection.createChannel((failure, channel) => {
    if (failure) throw failure
    channel.assertQueue('chores', { durable: true })
    for (const task of process.argv.slice(2)) {
      channel.sendToQueue('chores', Buffer.from(task), { persistent: true })
      console.log('added %s', task)
    }
    channel.close(() => connection.close())
  })
})
