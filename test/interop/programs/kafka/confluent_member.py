"""A member of a consumer group with confluent-kafka: tells what it was assigned and what it reads, commits behind each
record, and leaves in order on SIGTERM. Arguments: topic, group, and `static NAME` or `cooperative-sticky`."""

import os
import signal
import sys

from confluent_kafka import Consumer, KafkaException

topic, group, *manner = sys.argv[1:]
leaving = False


def leave(*_):
    global leaving
    leaving = True


signal.signal(signal.SIGTERM, leave)


def tell(consumer, added):
    numbers = {part.partition for part in added}
    if manner == ["cooperative-sticky"]:
        numbers |= {part.partition for part in consumer.assignment()}
    print("assigned", ",".join(map(str, sorted(numbers))), flush=True)


consumer = Consumer(
    {
        "bootstrap.servers": os.environ["KAFKA"],
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        **({"group.instance.id": manner[1]} if manner[:1] == ["static"] else {}),
        **({"partition.assignment.strategy": manner[0]} if manner == ["cooperative-sticky"] else {}),
    }
)
consumer.subscribe([topic], on_assign=tell, on_revoke=lambda consumer, gone: None)
while not leaving:
    message = consumer.poll(0.2)
    if message is None:
        continue
    if message.error():
        raise KafkaException(message.error())
    print("read", message.value().decode(), flush=True)
    try:
        consumer.commit(message, asynchronous=False)
    except KafkaException as error:
        # Somebody else has the partition by now, and will read it again.
        print("commit failed", error.args[0].name(), flush=True)
consumer.close()
print("left", flush=True)
