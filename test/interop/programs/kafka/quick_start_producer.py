import os

from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers=os.environ.get('KAFKA', 'localhost:9092'))
for number in range(100):
    producer.send('my-first-topic', b'message %d' % number)
producer.flush()
future = producer.send('my-first-topic', key=b'a key', value=b'the last one')
metadata = future.get(timeout=10)
print(metadata.topic, metadata.partition, metadata.offset)
