"""Tutorial six: a client that asks, and waits for the answer that carries its correlation id."""
import os
import sys
import uuid
import pika


class Fibonacci:
    def __init__(self):
        self.connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
        self.channel = self.connection.channel()
        self.replies = self.channel.queue_declare(queue='', exclusive=True).method.queue
        self.channel.basic_consume(queue=self.replies, on_message_callback=self.on_reply, auto_ack=True)
        self.awaited = None
        self.reply = None

    def on_reply(self, ch, method, properties, body):
        if properties.correlation_id == self.awaited:
            self.reply = int(body)

    def of(self, n):
        self.reply = None
        self.awaited = str(uuid.uuid4())
        self.channel.basic_publish(
            exchange='',
            routing_key='fibonacci',
            properties=pika.BasicProperties(reply_to=self.replies, correlation_id=self.awaited),
            body=str(n),
        )
        while self.reply is None:
            self.connection.process_data_events(time_limit=None)
        return self.reply


fibonacci = Fibonacci()
for word in sys.argv[1:]:
    print(f'fibonacci({word}) = {fibonacci.of(int(word))}')
fibonacci.connection.close()
