"""A Celery application as people have one: defaults wherever there are any. Its environment says where the broker is."""
import os
import time
from celery import Celery
from celery.signals import worker_ready

app = Celery('shop', broker=os.environ['AMQP_URL'], backend=os.environ.get('RESULTS', 'rpc://'))
app.conf.task_default_queue = os.environ['QUEUE']
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_redirect_stdouts = False
if os.environ.get('QUORUM'):
    app.conf.task_default_queue_type = 'quorum'
    app.conf.broker_transport_options = {'confirm_publish': True}
if os.environ.get('PRIORITIES'):
    app.conf.task_queue_max_priority = 10
    app.conf.worker_prefetch_multiplier = 1


@worker_ready.connect
def say_ready(**_):
    print('worker ready', flush=True)


@app.task
def add(x, y):
    return x + y


@app.task(bind=True, max_retries=3)
def stubborn(self, succeed_at):
    if self.request.retries < succeed_at:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task
def fail(text):
    raise ValueError(text)


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def now():
    return time.time()


@app.task
def announce(text):
    print(f'announced {text}', flush=True)


@app.task(bind=True, acks_late=True)
def heavy(self, seconds):
    again = ' again' if self.request.delivery_info['redelivered'] else ''
    print(f'heavy begun{again}', flush=True)
    if not again:
        time.sleep(seconds)
    print('heavy done', flush=True)
