"""Tutorial one: print what arrives in a queue."""
import os
import pika


def on_greeting(ch, method, properties, body):
    print(f'received {body.decode()}')


def main():
    connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
    channel = connection.channel()
    channel.queue_declare(queue='greetings')
    channel.basic_consume(queue='greetings', on_message_callback=on_greeting, auto_ack=True)
    print('waiting')
    channel.start_consuming()


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        print('interrupted')
