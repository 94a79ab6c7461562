"""Tutorial five: hear the topics that match one of the patterns on the command line."""
import os
import sys
import pika

patterns = sys.argv[1:]
if not patterns:
    sys.exit('usage: topic_listen.py PATTERN...')

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.exchange_declare(exchange='news_by_topic', exchange_type='topic')
mine = channel.queue_declare('', exclusive=True).method.queue
for pattern in patterns:
    channel.queue_bind(exchange='news_by_topic', queue=mine, routing_key=pattern)


def hear(ch, method, properties, body):
    print(f'heard {method.routing_key}: {body.decode()}')


channel.basic_consume(queue=mine, on_message_callback=hear, auto_ack=True)
print('waiting')
channel.start_consuming()
