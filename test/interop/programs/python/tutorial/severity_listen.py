"""Tutorial four: hear only the severities named on the command line."""
import os
import sys
import pika

severities = sys.argv[1:]
if not severities:
    sys.exit('usage: severity_listen.py SEVERITY...')

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.exchange_declare(exchange='news_by_severity', exchange_type='direct')
mine = channel.queue_declare(queue='', exclusive=True).method.queue
for severity in severities:
    channel.queue_bind(exchange='news_by_severity', queue=mine, routing_key=severity)


def hear(ch, method, properties, body):
    print(f'heard {method.routing_key}: {body.decode()}')


channel.basic_consume(queue=mine, on_message_callback=hear, auto_ack=True)
print('waiting')
channel.start_consuming()
