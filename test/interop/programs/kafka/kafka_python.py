"""What applications do with kafka-python, old (2.0.2) and new: one scenario a run, named by the first argument, which
prints what came of it as one line of JSON. kafka-clients.test.ts says what should."""

import json
import os
import sys
import uuid

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

BOOTSTRAP = os.environ["KAFKA"]
NEW = not kafka.__version__.startswith("2.0.")
FIRST_MS = 1_700_000_000_000
PATIENCE_MS = 15_000


def own(name):
    return f"{name}.{uuid.uuid4()}"


def producer(**options):
    return KafkaProducer(bootstrap_servers=BOOTSTRAP, **options)


def consumer(*topics, **options):
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, **options}
    return KafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, **settings)


def admin():
    return KafkaAdminClient(bootstrap_servers=BOOTSTRAP)


def make(topic, partitions=1, **configs):
    settings = {key.replace("_", "."): value for key, value in configs.items()}
    client = admin()
    client.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)])
    client.close()


def take(reader, count):
    """So many records, in the order they came, or fewer after a while."""
    records = []
    while len(records) < count:
        batch = reader.poll(timeout_ms=PATIENCE_MS, max_records=count - len(records))
        if not batch:
            break
        for part in batch.values():
            records.extend(part)
    return records


def read_all(topic, count, partitions=1, **options):
    reader = consumer(group_id=None, **options)
    reader.assign([TopicPartition(topic, number) for number in range(partitions)])
    records = take(reader, count)
    reader.close()
    return records


def error_code(action):
    """The number Kafka gives to what went wrong, or 0."""
    try:
        action()
    except KafkaError as error:
        return error.errno
    return 0


def fill(topic, count):
    with_numbers = producer(acks="all")
    for number in range(count):
        with_numbers.send(topic, f"v{number}".encode(), timestamp_ms=FIRST_MS + 1000 * number, partition=0)
    with_numbers.close()


def records():
    topic = own("records")
    make(topic, 3)
    sender = producer(acks="all", linger_ms=5)
    for number in range(12):
        sender.send(
            topic,
            key=f"k{number % 4}".encode(),
            value=None if number == 11 else f"v{number}".encode(),
            headers=[("number", str(number).encode()), ("empty", b"")],
            timestamp_ms=FIRST_MS + number,
        )
    sender.close()
    found = read_all(topic, 12, 3)
    number_of = {id(record): int(record.headers[0][1]) for record in found}
    places = {}
    for record in found:
        places.setdefault(record.key, []).append((record.partition, number_of[id(record)]))
    return {
        "read": len(found),
        "together": all(len({partition for partition, _ in place}) == 1 for place in places.values()),
        "inOrder": all(place == sorted(place) for place in places.values()),
        "headers": all([name for name, _ in record.headers] == ["number", "empty"] for record in found),
        "emptyHeader": all(record.headers[1][1] == b"" for record in found),
        "tombstones": [number_of[id(record)] for record in found if record.value is None],
        "timestamps": all(record.timestamp == FIRST_MS + number_of[id(record)] for record in found),
    }


def compression():
    outcome = {}
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = own("compression")
        make(topic)
        sender = producer(compression_type=codec, linger_ms=20, acks="all")
        sent = [f"{codec} {number} {'copper ' * 20}".encode() for number in range(200)]
        for value in sent:
            sender.send(topic, value)
        sender.close()
        outcome[codec or "none"] = [record.value for record in read_all(topic, 200)] == sent
    return outcome


def acks():
    topic = own("acks")
    make(topic)
    for level in (0, 1, "all"):
        sender = producer(acks=level)
        for number in range(10):
            sender.send(topic, f"{level} {number}".encode())
        sender.flush()
        sender.close()
    return {"read": len(read_all(topic, 30))}


def limits():
    topic = own("limits")
    make(topic)
    sender = producer(max_request_size=4_000_000, acks="all")
    code = error_code(lambda: sender.send(topic, b"x" * 2_000_000).get(timeout=20))
    sender.close()
    fill(topic, 1)
    return {"tooLarge": code, "afterwards": read_all(topic, 1)[0].value.decode()}


def auto_creation():
    topic = own("nobody-made-this")
    sender = producer(acks="all")
    sender.send(topic, b"first").get(timeout=30)
    sender.close()
    return {"read": [record.value.decode() for record in read_all(topic, 1)]}


def offsets():
    topic, group = own("offsets"), own("readers")
    make(topic)
    fill(topic, 10)
    place = TopicPartition(topic, 0)
    first = consumer(topic, group_id=group)
    values = [record.value.decode() for record in take(first, 4)]
    kept = OffsetAndMetadata(4, "note", -1) if NEW else OffsetAndMetadata(4, "note")
    first.commit({place: kept})
    first.close()
    second = consumer(topic, group_id=group)
    resumed = take(second, 1)[0].value.decode()
    committed = second.committed(place, metadata=True)
    times = second.offsets_for_times({place: FIRST_MS + 5500})
    never = second.offsets_for_times({place: FIRST_MS + 999_999})
    bounds = [second.beginning_offsets([place])[place], second.end_offsets([place])[place]]
    second.seek(place, 0)
    sought = take(second, 1)[0].value.decode()
    second.close()
    return {
        "first": values,
        "resumed": resumed,
        "committed": committed.offset,
        "note": committed.metadata,
        "bounds": bounds,
        "atTime": times[place].offset,
        "atTimeTimestamp": times[place].timestamp,
        "afterAll": never[place],
        "sought": sought,
    }


def idempotence():
    topic = own("idempotence")
    make(topic)
    sender = producer(enable_idempotence=True, max_in_flight_requests_per_connection=5, batch_size=200)
    for number in range(300):
        sender.send(topic, str(number).encode())
    sender.close()
    found = [int(record.value) for record in read_all(topic, 300)]
    return {"read": len(found), "inOrder": found == list(range(300))}


def transactions():
    topic, source, group, name = own("tx"), own("source"), own("copiers"), own("writer")
    make(topic)
    make(source)
    sender = producer(transactional_id=name)
    sender.init_transactions()
    for values, commit in ((["a1", "a2"], True), (["b1", "b2"], False), (["c1"], True)):
        sender.begin_transaction()
        for value in values:
            sender.send(topic, value.encode())
        if values == ["c1"]:
            sender.send_offsets_to_transaction({TopicPartition(source, 0): OffsetAndMetadata(7, "", -1)}, group)
        sender.flush()
        if commit:
            sender.commit_transaction()
        else:
            sender.abort_transaction()
    sender.begin_transaction()
    sender.send(topic, b"d1").get(timeout=20)
    committed = read_all(topic, 3, isolation_level="read_committed")
    everything = read_all(topic, 6)
    reader = consumer(group_id=group)
    offset = reader.committed(TopicPartition(source, 0))
    reader.close()
    heir = producer(transactional_id=name)
    heir.init_transactions()
    fenced = error_code(sender.commit_transaction)
    heir.close()
    sender.close(timeout=1)
    return {
        "committed": [record.value.decode() for record in committed],
        "everything": [record.value.decode() for record in everything],
        "groupOffset": offset,
        "fenced": fenced != 0,
    }


def described_config(client, topic):
    if NEW:
        found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
        return found["topic"][topic]["retention.ms"]["value"]
    response = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])[0]
    entries = response.resources[0][4]
    return next(entry[1] for entry in entries if entry[0] == "retention.ms")


def administration():
    topic, group = own("admin"), own("admins")
    client = admin()
    new = NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})
    client.create_topics([new])
    outcome = {"again": error_code(lambda: client.create_topics([new]))}
    described = client.describe_topics([topic])[0]
    outcome["partitions"] = len(described["partitions"])
    outcome["retention"] = described_config(client, topic)
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "7200000"})])
    outcome["altered"] = described_config(client, topic)
    client.create_partitions({topic: NewPartitions(4)})
    outcome["grown"] = len(client.describe_topics([topic])[0]["partitions"])
    outcome["shrunk"] = error_code(lambda: client.create_partitions({topic: NewPartitions(3)}))
    fill(topic, 5)
    place = TopicPartition(topic, 0)
    if NEW:
        client.delete_records({place: 3})
        outcome["firstKept"] = int(read_all(topic, 1)[0].value[1:])
    reader = consumer(topic, group_id=group)
    take(reader, 2)
    reader.commit({place: OffsetAndMetadata(5, "", -1) if NEW else OffsetAndMetadata(5, "")})
    reader.close()
    outcome.update(group_administration(client, group, place))
    client.delete_topics([topic])
    outcome["listed"] = topic in client.list_topics()
    outcome["deletedAgain"] = error_code(lambda: client.delete_topics([topic]))
    client.close()
    return outcome


def group_administration(client, group, place):
    if NEW:
        names = [found["group_id"] for found in client.list_groups()]
        state = client.describe_groups([group])[group]["group_state"]
        kept = client.list_group_offsets({group: None})[group][place].offset
        client.delete_groups([group])
        left = [found["group_id"] for found in client.list_groups()]
    else:
        names = [name for name, _ in client.list_consumer_groups()]
        state = client.describe_consumer_groups([group])[0].state
        kept = client.list_consumer_group_offsets(group)[place].offset
        client.delete_consumer_groups([group])
        left = [name for name, _ in client.list_consumer_groups()]
    return {"groupListed": group in names, "groupState": state, "groupOffset": kept, "groupLeft": group in left}


scenarios = {
    function.__name__: function
    for function in (
        records,
        compression,
        acks,
        limits,
        auto_creation,
        offsets,
        idempotence,
        transactions,
        administration,
    )
}

if __name__ == "__main__":
    print(json.dumps(scenarios[sys.argv[1]]()))
