"""Tutorial four: a log line with its severity as the routing key."""
import os
import sys
import pika

severity, text = sys.argv[1], ' '.join(sys.argv[2:])
connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.exchange_declare(exchange='news_by_severity', exchange_type='direct')
channel.basic_publish(exchange='news_by_severity', routing_key=severity, body=text)
print(f'emitted {severity}: {text}')
connection.close()
