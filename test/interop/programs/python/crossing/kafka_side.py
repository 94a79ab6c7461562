"""The Kafka end of the crossing with kafka-python: `produce TOPIC COMPRESSION` sends one record of each sort in one batch,
`read TOPIC COUNT` prints what is in it from the first record on, one line of JSON a record."""

import json
import os
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

BOOTSTRAP = os.environ["KAFKA"]
FIRST_MS = 1_700_000_000_123


def produce(topic, compression):
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()
    kind = None if compression == "none" else compression
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", compression_type=kind, linger_ms=500)
    headers = [("text", "grüße".encode()), ("bytes", b"\x00\xff"), ("empty", b""), ("many", b"1"), ("many", b"2")]
    sent = [
        producer.send(topic, bytes(range(256)), timestamp_ms=FIRST_MS),
        producer.send(topic, b"all" * 1000, key=b"k", headers=headers, timestamp_ms=FIRST_MS + 1),
        producer.send(topic, None, key=b"\x00k\xff", timestamp_ms=FIRST_MS + 2),
    ]
    print(json.dumps([one.get(20).offset for one in sent]))
    producer.close()


def hexadecimal(value):
    return None if value is None else value.hex()


def read(topic, count):
    reader = KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id=None, auto_offset_reset="earliest")
    reader.assign([TopicPartition(topic, 0)])
    while count > 0:
        found = reader.poll(timeout_ms=20_000, max_records=count)
        if not found:
            raise RuntimeError(f"{count} more should have come")
        for records in found.values():
            for one in records:
                headers = [[name, hexadecimal(value)] for name, value in one.headers]
                key, value = hexadecimal(one.key), hexadecimal(one.value)
                print(json.dumps({"offset": one.offset, "key": key, "value": value, "headers": headers}), flush=True)
                count -= 1
    reader.close()


def main():
    verb, topic, argument = sys.argv[1:]
    if verb == "produce":
        produce(topic, argument)
    else:
        read(topic, int(argument))


main()
