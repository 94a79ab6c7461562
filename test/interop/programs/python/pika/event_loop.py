"""A publisher and a consumer on pika's SelectConnection, all callbacks: publishes with confirms, consumes, ends itself."""
import os
import sys
import pika

COUNT = int(sys.argv[1])
QUEUE = sys.argv[2]


class Relay:
    def __init__(self):
        self.confirmed = 0
        self.received = []
        self.connection = pika.SelectConnection(
            pika.URLParameters(os.environ['AMQP_URL']),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self.on_channel),
            on_open_error_callback=lambda _, error: sys.exit(f'cannot connect: {error}'),
            on_close_callback=self.on_closed,
        )

    def on_channel(self, channel):
        self.channel = channel
        channel.add_on_cancel_callback(self.on_cancelled)
        channel.confirm_delivery(self.on_confirm, callback=self.on_confirms)

    def on_confirms(self, _):
        self.channel.queue_declare(QUEUE, durable=True, callback=self.on_queue)

    def on_queue(self, _):
        for number in range(COUNT):
            self.channel.basic_publish('', QUEUE, str(number), pika.BasicProperties(delivery_mode=2))

    def on_confirm(self, frame):
        """One answer may speak for many messages."""
        method = frame.method
        if not isinstance(method, pika.spec.Basic.Ack):
            sys.exit(f'refused: {method}')
        self.confirmed = method.delivery_tag if method.multiple else self.confirmed + 1
        if self.confirmed == COUNT:
            print(f'confirmed {COUNT}', flush=True)
            self.channel.basic_qos(prefetch_count=10, callback=self.on_qos)

    def on_qos(self, _):
        self.channel.basic_consume(QUEUE, self.on_message)

    def on_message(self, channel, method, _, body):
        self.received.append(int(body))
        channel.basic_ack(method.delivery_tag)
        if len(self.received) == COUNT:
            print(f'received {COUNT} in order: {self.received == list(range(COUNT))}', flush=True)
            channel.queue_delete(QUEUE)

    def on_cancelled(self, _):
        print('cancelled', flush=True)
        self.connection.close()

    def on_closed(self, _, reason):
        print(f'closed {reason.reply_code}', flush=True)
        self.connection.ioloop.stop()


relay = Relay()
relay.connection.ioloop.start()
