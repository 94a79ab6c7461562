"""Tutorial five: a log line with a dotted topic."""
import os
import sys
import pika

topic, text = sys.argv[1], ' '.join(sys.argv[2:])
connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.exchange_declare(exchange='news_by_topic', exchange_type='topic')
channel.basic_publish(exchange='news_by_topic', routing_key=topic, body=text)
print(f'emitted {topic}: {text}')
connection.close()
