"""Tutorial two: hand a task to whichever worker is free. Every dot in the task is a tenth of a second of work."""
import os
import sys
import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.queue_declare(queue='chores', durable=True)

for task in sys.argv[1:]:
    channel.basic_publish(
        exchange='',
        routing_key='chores',
        body=task,
        properties=pika.BasicProperties(delivery_mode=2),  # kept on disk
    )
    print(f'added {task}')
connection.close()
