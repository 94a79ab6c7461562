"""The AMQP end of the crossing with pika: `publish STREAM` sends one message of each sort with confirms, `consume STREAM
COUNT` prints what is in it from the first record on, one line of JSON a message."""

import datetime
import decimal
import json
import os
import sys

import pika

PARAMETERS = pika.URLParameters(os.environ["AMQP_URL"])

EVERY_BYTE = bytes(range(256))
PROPERTIES = {
    "content_type": "text/plain",
    "content_encoding": "identity",
    "delivery_mode": 2,
    "priority": 3,
    "correlation_id": "c",
    "reply_to": "r",
    "expiration": "3600000",
    "message_id": "m",
    "timestamp": 1_700_000_000,
    "type": "t",
    "user_id": "guest",
    "app_id": "a",
    "cluster_id": "cl",
}
# All types that pika can send.
HEADERS = {
    "text": "grüße",
    "bytes": b"\x00\xff",
    "int": 7,
    "long": 2**40,
    "yes": True,
    "decimal": decimal.Decimal("1.5"),
    "time": datetime.datetime.fromtimestamp(1_700_000_000, datetime.timezone.utc),
    "nothing": None,
    "list": ["a", 2],
    "map": {"inner": "x"},
}


def publish(channel, stream):
    channel.confirm_delivery()
    letters = [
        (EVERY_BYTE, pika.BasicProperties()),
        (b"all", pika.BasicProperties(headers=HEADERS, **PROPERTIES)),
        (b"keyed", pika.BasicProperties(headers={"kafka-key": b"\x00k\xff"})),
        (b"", pika.BasicProperties(headers={"kafka-key": "gone", "kafka-tombstone": True})),
    ]
    for body, properties in letters:
        channel.basic_publish("", stream, body, properties, mandatory=True)


def plain(value):
    """As JSON can say it; bytes that are no text as their hexadecimal digits."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def consume(channel, stream, count):
    channel.basic_qos(prefetch_count=10)
    start = {"x-stream-offset": "first"}
    for method, properties, body in channel.consume(stream, arguments=start, inactivity_timeout=20):
        if method is None:
            raise RuntimeError(f"{count} more should have come")
        channel.basic_ack(method.delivery_tag)
        own = {name: getattr(properties, name) for name in PROPERTIES if getattr(properties, name) is not None}
        letter = {"body": body.hex(), "properties": own, "headers": properties.headers or {}}
        print(json.dumps(plain(letter)), flush=True)
        count -= 1
        if count == 0:
            break
    channel.cancel()


def main():
    verb, stream, *rest = sys.argv[1:]
    connection = pika.BlockingConnection(PARAMETERS)
    channel = connection.channel()
    if verb == "publish":
        channel.queue_declare(stream, durable=True, arguments={"x-queue-type": "stream"})
        publish(channel, stream)
    else:
        consume(channel, stream, int(rest[0]))
    connection.close()


main()
