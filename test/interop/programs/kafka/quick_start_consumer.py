import os

from kafka import KafkaConsumer

consumer = KafkaConsumer('my-first-topic', group_id='my-first-group', auto_offset_reset='earliest',
                         bootstrap_servers=os.environ.get('KAFKA', 'localhost:9092'))
for message in consumer:
    print('%s:%d:%d: key=%s value=%s' % (message.topic, message.partition, message.offset, message.key, message.value))
    if message.value == b'the last one':
        break
consumer.close()
