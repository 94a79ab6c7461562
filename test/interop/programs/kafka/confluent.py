"""What applications do with confluent-kafka, which is librdkafka: one scenario a run, named by the first argument, which
prints what came of it as one line of JSON. kafka-clients.test.ts says what should."""

import json
import os
import sys
import uuid

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_CREATE_TIME,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

SERVER = {"bootstrap.servers": os.environ["KAFKA"]}
FIRST_MS = 1_700_000_000_000
PATIENCE = 20


def own(name):
    return f"{name}.{uuid.uuid4()}"


# One for the whole run: its futures fail when it is collected before they are done.
ADMIN = AdminClient(SERVER)


def settled(futures):
    """Every call of the admin client answers a future for each thing it was asked about."""
    return [future.result(PATIENCE) for future in futures.values()]


def code_of(futures):
    try:
        settled(futures)
    except KafkaException as error:
        return error.args[0].code()
    return 0


def make(topic, partitions=1, **configs):
    settings = {key.replace("_", "."): value for key, value in configs.items()}
    settled(ADMIN.create_topics([NewTopic(topic, partitions, 1, config=settings)]))


def produce(topic, values, **options):
    """Sends them all and answers the error codes of those that failed."""
    failures = []
    sender = Producer({**SERVER, **options})
    for number, value in enumerate(values):
        sender.produce(
            topic,
            value,
            timestamp=FIRST_MS + 1000 * number,
            on_delivery=lambda error, _: failures.append(error.code()) if error else None,
        )
    sender.flush(PATIENCE)
    return failures


def consumer(group, **options):
    return Consumer({**SERVER, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False, **options})


def take(reader, count):
    messages = []
    while len(messages) < count:
        message = reader.poll(PATIENCE)
        if message is None:
            break
        if message.error():
            raise KafkaException(message.error())
        messages.append(message)
    return messages


def read_all(topic, count, partitions=1, **options):
    reader = consumer(own("reader"), **options)
    reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    messages = take(reader, count)
    reader.close()
    return messages


def records():
    topic = own("records")
    make(topic, 3)
    sender = Producer({**SERVER, "acks": "all", "linger.ms": 5})
    for number in range(12):
        sender.produce(
            topic,
            key=f"k{number % 4}",
            value=None if number == 11 else f"v{number}",
            headers=[("number", str(number).encode()), ("empty", b"")],
            timestamp=FIRST_MS + number,
        )
    sender.flush(PATIENCE)
    found = read_all(topic, 12, 3)
    number_of = {id(message): int(message.headers()[0][1]) for message in found}
    places = {}
    for message in found:
        places.setdefault(message.key(), []).append((message.partition(), number_of[id(message)]))
    return {
        "read": len(found),
        "together": all(len({partition for partition, _ in place}) == 1 for place in places.values()),
        "inOrder": all(place == sorted(place) for place in places.values()),
        "headers": all([name for name, _ in message.headers()] == ["number", "empty"] for message in found),
        "emptyHeader": all(message.headers()[1][1] == b"" for message in found),
        "tombstones": [number_of[id(message)] for message in found if message.value() is None],
        "timestamps": all(
            message.timestamp() == (TIMESTAMP_CREATE_TIME, FIRST_MS + number_of[id(message)]) for message in found
        ),
    }


def compression():
    outcome = {}
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = own("compression")
        make(topic)
        sent = [f"{codec} {number} {'copper ' * 20}".encode() for number in range(200)]
        produce(topic, sent, **{"compression.type": codec, "linger.ms": 20})
        outcome[codec] = [message.value() for message in read_all(topic, 200)] == sent
    return outcome


def acks():
    topic = own("acks")
    make(topic)
    for level in ("0", "1", "all"):
        produce(topic, [f"{level} {number}" for number in range(10)], acks=level)
    return {"read": len(read_all(topic, 30))}


def limits():
    topic = own("limits")
    make(topic)
    codes = produce(topic, [b"x" * 2_000_000], **{"message.max.bytes": 4_000_000})
    produce(topic, ["v0"])
    return {"tooLarge": codes[0], "afterwards": read_all(topic, 1)[0].value().decode()}


def auto_creation():
    topic = own("nobody-made-this")
    produce(topic, ["first"])
    return {"read": [message.value().decode() for message in read_all(topic, 1)]}


def offsets():
    topic, group = own("offsets"), own("readers")
    make(topic)
    produce(topic, [f"v{number}" for number in range(10)])
    place = TopicPartition(topic, 0)
    first = consumer(group)
    first.subscribe([topic])
    values = [message.value().decode() for message in take(first, 4)]
    first.commit(offsets=[TopicPartition(topic, 0, 4, "note")], asynchronous=False)
    first.close()
    second = consumer(group)
    second.subscribe([topic])
    resumed = take(second, 1)[0].value().decode()
    committed = second.committed([place], PATIENCE)[0]
    found = second.offsets_for_times([TopicPartition(topic, 0, FIRST_MS + 5500)], PATIENCE)[0]
    never = second.offsets_for_times([TopicPartition(topic, 0, FIRST_MS + 999_999)], PATIENCE)[0]
    bounds = list(second.get_watermark_offsets(place, PATIENCE))
    second.seek(TopicPartition(topic, 0, 0))
    sought = take(second, 1)[0].value().decode()
    second.close()
    listed = ADMIN.list_offsets({place: OffsetSpec.for_timestamp(FIRST_MS + 5500)})[place].result(PATIENCE)
    return {
        "first": values,
        "resumed": resumed,
        "committed": committed.offset,
        "note": committed.metadata,
        "bounds": bounds,
        "atTime": found.offset,
        "atTimeTimestamp": listed.timestamp,
        # librdkafka says "the end" with a number of its own.
        "afterAll": None if never.offset == -1 else never.offset,
        "sought": sought,
    }


def idempotence():
    topic = own("idempotence")
    make(topic)
    produce(topic, [str(number) for number in range(300)], **{"enable.idempotence": True, "batch.num.messages": 10})
    found = [int(message.value()) for message in read_all(topic, 300)]
    return {"read": len(found), "inOrder": found == list(range(300))}


def transactions():
    topic, source, group, name = own("tx"), own("source"), own("copiers"), own("writer")
    make(topic)
    make(source)
    sender = Producer({**SERVER, "transactional.id": name})
    sender.init_transactions(PATIENCE)
    copier = consumer(group)
    for values, commit in ((["a1", "a2"], True), (["b1", "b2"], False), (["c1"], True)):
        sender.begin_transaction()
        for value in values:
            sender.produce(topic, value)
        if values == ["c1"]:
            sender.send_offsets_to_transaction([TopicPartition(source, 0, 7)], copier.consumer_group_metadata(), PATIENCE)
        sender.flush(PATIENCE)
        if commit:
            sender.commit_transaction(PATIENCE)
        else:
            sender.abort_transaction(PATIENCE)
    sender.begin_transaction()
    sender.produce(topic, "d1")
    sender.flush(PATIENCE)
    committed = read_all(topic, 3, **{"isolation.level": "read_committed"})
    everything = read_all(topic, 6, **{"isolation.level": "read_uncommitted"})
    offset = copier.committed([TopicPartition(source, 0)], PATIENCE)[0].offset
    copier.close()
    heir = Producer({**SERVER, "transactional.id": name})
    heir.init_transactions(PATIENCE)
    fenced = False
    try:
        sender.commit_transaction(PATIENCE)
    except KafkaException:
        fenced = True
    return {
        "committed": [message.value().decode() for message in committed],
        "everything": [message.value().decode() for message in everything],
        "groupOffset": offset,
        "fenced": fenced,
    }


def retention(client, topic):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    return settled(client.describe_configs([resource]))[0]["retention.ms"].value


def partition_count(client, topic):
    return len(client.list_topics(topic, PATIENCE).topics[topic].partitions)


def administration():
    topic, group = own("admin"), own("admins")
    client = ADMIN
    new = NewTopic(topic, 2, 1, config={"retention.ms": "3600000"})
    settled(client.create_topics([new]))
    outcome = {"again": code_of(client.create_topics([new]))}
    outcome["partitions"] = partition_count(client, topic)
    outcome["retention"] = retention(client, topic)
    entry = ConfigEntry("retention.ms", "7200000", incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    settled(client.incremental_alter_configs([change]))
    outcome["altered"] = retention(client, topic)
    settled(client.create_partitions([NewPartitions(topic, 4)]))
    outcome["grown"] = partition_count(client, topic)
    outcome["shrunk"] = code_of(client.create_partitions([NewPartitions(topic, 3)]))
    sender = Producer(SERVER)
    for number in range(5):
        sender.produce(topic, f"v{number}", partition=0)
    sender.flush(PATIENCE)
    settled(client.delete_records([TopicPartition(topic, 0, 3)]))
    outcome["firstKept"] = int(read_all(topic, 1)[0].value()[1:])
    reader = consumer(group)
    reader.subscribe([topic])
    take(reader, 2)
    reader.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=False)
    reader.close()
    outcome.update(group_administration(client, group, topic))
    settled(client.delete_topics([topic]))
    outcome["listed"] = topic in client.list_topics(timeout=PATIENCE).topics
    outcome["deletedAgain"] = code_of(client.delete_topics([topic]))
    return outcome


def group_names(client):
    return [found.group_id for found in client.list_consumer_groups().result(PATIENCE).valid]


def group_administration(client, group, topic):
    listed = group in group_names(client)
    state = settled(client.describe_consumer_groups([group]))[0].state
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
    kept = settled(client.list_consumer_group_offsets([asked]))[0].topic_partitions[0].offset
    settled(client.delete_consumer_groups([group]))
    return {
        "groupListed": listed,
        "groupState": state.name.capitalize(),
        "groupOffset": kept,
        "groupLeft": group in group_names(client),
    }


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
