"""Tutorial three: tell everybody who listens."""
import os
import sys
import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.exchange_declare(exchange='news', exchange_type='fanout')
text = ' '.join(sys.argv[1:]) or 'nothing new'
channel.basic_publish(exchange='news', routing_key='', body=text)
print(f'emitted {text}')
connection.close()
