"""What applications do with pika's BlockingConnection. Each word on the command line is a scenario, printed as JSON."""
import json
import os
import sys
import uuid
import pika
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    NackError,
    ProbableAuthenticationError,
    UnroutableError,
)

PARAMETERS = pika.URLParameters(os.environ['AMQP_URL'])
PERSISTENT = pika.BasicProperties(delivery_mode=2)


def own_queue(channel, **options):
    return channel.queue_declare(f'pika.{uuid.uuid4()}', exclusive=True, **options).method.queue


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def bodies(channel, queue, count):
    """The next messages, acknowledged one by one."""
    found = []
    for method, _, body in channel.consume(queue, inactivity_timeout=20):
        if method is None:
            raise RuntimeError(f'only {found} came')
        channel.basic_ack(method.delivery_tag)
        found.append(body.decode())
        if len(found) == count:
            break
    channel.cancel()
    return found


def confirm_delivery(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    queue = own_queue(channel, arguments={'x-max-length': 3, 'x-overflow': 'reject-publish'})
    outcomes = []
    for number in range(5):
        try:
            channel.basic_publish('', queue, str(number), PERSISTENT, mandatory=True)
            outcomes.append('taken')
        except NackError:
            outcomes.append('refused')
    try:
        channel.basic_publish('', 'nowhere', 'lost', mandatory=True)
    except UnroutableError as error:
        returned = error.messages[0]
        outcomes.append([returned.method.reply_code, returned.method.reply_text, returned.body.decode()])
    return outcomes + bodies(channel, queue, 3)


def returned(connection):
    channel = connection.channel()
    back = []
    channel.add_on_return_callback(lambda ch, method, props, body: back.append([method.routing_key, body.decode()]))
    channel.basic_publish('amq.topic', 'no.one', 'lost', mandatory=True)
    while not back:
        connection.process_data_events(time_limit=5)
    return back


def cancelled_by_broker(connection):
    channel, other = connection.channel(), connection.channel()
    queue = own_queue(channel)
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame.method.consumer_tag))
    tag = channel.basic_consume(queue, lambda *_: None)
    other.queue_delete(queue)
    channel.start_consuming()
    return told == [tag]


def nack_and_requeue(connection):
    channel = connection.channel()
    queue = own_queue(channel)
    for text in 'abc':
        channel.basic_publish('', queue, text)
    seen = []

    def decide(ch, method, properties, body):
        seen.append(body.decode() + ('!' if method.redelivered else ''))
        if len(seen) == 3:
            ch.basic_nack(method.delivery_tag, multiple=True, requeue=True)
        elif len(seen) > 3:
            ch.basic_ack(method.delivery_tag)
        if len(seen) == 6:
            ch.stop_consuming()

    channel.basic_qos(prefetch_count=3)
    channel.basic_consume(queue, decide)
    channel.start_consuming()
    return seen


def transactions(connection):
    channel, observer = connection.channel(), connection.channel()
    queue = own_queue(channel)
    channel.tx_select()
    channel.basic_publish('', queue, 'undone')
    before = ready(observer, queue)
    channel.tx_rollback()
    channel.basic_publish('', queue, 'kept')
    channel.tx_commit()
    after = ready(observer, queue)
    method, _, body = channel.basic_get(queue)
    channel.basic_ack(method.delivery_tag)
    channel.tx_commit()
    return [before, after, body.decode(), ready(observer, queue)]


def closed_channel(connection):
    channel = connection.channel()
    try:
        channel.queue_declare('nobody made this', passive=True)
    except ChannelClosedByBroker as error:
        # The connection is still good for other channels.
        return [error.reply_code, error.reply_text, connection.channel().is_open]


def closed_connection(_):
    connection = pika.BlockingConnection(PARAMETERS)
    channel = connection.channel()
    queue = own_queue(channel)
    channel.basic_consume(queue, lambda *_: None, consumer_tag='twice')
    try:
        channel._impl.connection._send_method(
            channel.channel_number, pika.spec.Basic.Consume(queue=queue, consumer_tag='twice'))
        channel.start_consuming()
    except ConnectionClosedByBroker as error:
        return [error.reply_code, error.reply_text]


def wrong_password(_):
    parameters = pika.URLParameters(os.environ['AMQP_URL'])
    parameters.credentials = pika.PlainCredentials('guest', 'wrong')
    try:
        pika.BlockingConnection(parameters)
    except ProbableAuthenticationError as error:
        return 'ACCESS_REFUSED' in str(error)


def inactive_generator(connection):
    """A consumer that waits in vain is let go after its time."""
    channel = connection.channel()
    queue = own_queue(channel)
    waited = next(channel.consume(queue, inactivity_timeout=0.1))
    channel.cancel()
    return list(waited)


def headers_and_types(connection):
    channel = connection.channel()
    queue = own_queue(channel)
    headers = {'n': 1, 'big': 1 << 40, 'text': 'é', 'yes': True, 'none': None, 'list': [1, 'a'], 'inner': {'x': -1}}
    channel.basic_publish('', queue, '', pika.BasicProperties(headers=headers, content_type='x/y', priority=3))
    _, properties, body = channel.basic_get(queue, auto_ack=True)
    return [properties.headers == headers, properties.content_type, properties.priority, body.decode()]


if __name__ == '__main__':
    with pika.BlockingConnection(PARAMETERS) as shared:
        for word in sys.argv[1:]:
            print(json.dumps(globals()[word](shared)), flush=True)
