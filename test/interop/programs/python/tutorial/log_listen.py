"""Tutorial three: hear everything from now on, through a queue of one's own."""
import os
import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.exchange_declare(exchange='news', exchange_type='fanout')
mine = channel.queue_declare(queue='', exclusive=True).method.queue
channel.queue_bind(exchange='news', queue=mine)
print('waiting')

for method, properties, body in channel.consume(mine, auto_ack=True):
    print(f'heard {body.decode()}')
