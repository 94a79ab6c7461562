"""Tutorial two: a worker that takes one task at a time and acknowledges it when it is done."""
import os
import time
import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.queue_declare(queue='chores', durable=True)


def work(ch, method, properties, body):
    task = body.decode()
    print(f'began {task}' + (' again' if method.redelivered else ''))
    time.sleep(task.count('.') / 10)
    print(f'done {task}')
    ch.basic_ack(delivery_tag=method.delivery_tag)


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue='chores', on_message_callback=work)
print('waiting')
channel.start_consuming()
