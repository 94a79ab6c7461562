"""A member of a consumer group with kafka-python: tells what it was assigned and what it reads, commits behind each
batch, and leaves in order on SIGTERM. Arguments: topic, group, and `static NAME` for a static member."""

import os
import signal
import sys

import kafka
from kafka import ConsumerRebalanceListener, KafkaConsumer

topic, group = sys.argv[1:3]
leaving = False


def leave(*_):
    global leaving
    leaving = True


signal.signal(signal.SIGTERM, leave)


class Teller(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        pass

    def on_partitions_assigned(self, assigned):
        # The old client hands over all it has, the new one what is new; the consumer knows in both.
        numbers = sorted({part.partition for part in consumer.assignment()} | {part.partition for part in assigned})
        print("assigned", ",".join(map(str, numbers)), flush=True)


consumer = KafkaConsumer(
    bootstrap_servers=os.environ["KAFKA"],
    group_id=group,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    session_timeout_ms=6000,
    heartbeat_interval_ms=500,
    **({"group_instance_id": sys.argv[4]} if len(sys.argv) > 4 else {}),
)
consumer.subscribe([topic], listener=Teller())
while not leaving:
    batch = consumer.poll(timeout_ms=200)
    for records in batch.values():
        for record in records:
            print("read", record.value.decode(), flush=True)
    if batch:
        try:
            consumer.commit()
        except kafka.errors.CommitFailedError:
            # Somebody else has the partition by now, and will read these again.
            print("commit failed", flush=True)
consumer.close()
print("left", flush=True)
