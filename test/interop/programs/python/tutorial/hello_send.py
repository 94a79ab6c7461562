"""Tutorial one: put one message into a queue."""
import os
import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.queue_declare(queue='greetings')

channel.basic_publish(exchange='', routing_key='greetings', body='Hello, copper!')
print('sent Hello, copper!')
connection.close()
