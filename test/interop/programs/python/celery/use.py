"""Uses the shop: each word on the command line is a scenario; its outcome is printed as one line of JSON."""
import json
import sys
import time
from celery import chain, chord, group
from shop import add, announce, app, fail, heavy, now, stubborn, total

PATIENCE = 30


def result():
    return [add.delay(n, n).get(timeout=PATIENCE) for n in range(5)]


def failure():
    outcome = fail.delay('no copper').get(timeout=PATIENCE, propagate=False)
    return [type(outcome).__name__, str(outcome)]


def retries():
    return stubborn.delay(2).get(timeout=PATIENCE)


def countdown():
    """True when it ran after its time and not long after."""
    asked = time.time()
    ran = now.apply_async(countdown=1).get(timeout=PATIENCE)
    return 1 <= ran - asked < 5


def group_of_ten():
    return group(add.s(n, 1) for n in range(10)).apply_async().get(timeout=PATIENCE)


def chained():
    return chain(add.s(1, 2), add.s(10), add.s(100)).apply_async().get(timeout=PATIENCE)


def chorded():
    return chord([add.s(n, n) for n in range(5)])(total.s()).get(timeout=PATIENCE)


def revoked():
    task = add.apply_async((1, 1), countdown=600)
    app.control.revoke(task.id, reply=True, timeout=PATIENCE, limit=1)
    still = [entry for entries in (app.control.inspect().revoked() or {}).values() for entry in entries]
    return task.id in still


def control():
    pongs = app.control.ping(timeout=PATIENCE, limit=1)
    inspect = app.control.inspect(limit=1, timeout=PATIENCE)
    registered = next(iter(inspect.registered().values()))
    queues = next(iter(inspect.active_queues().values()))
    return [list(next(iter(pongs[0].values())).items()), 'shop.add' in registered, [queue['name'] for queue in queues]]


def begin_heavy():
    heavy.delay(600)
    return 'sent'


def priorities():
    for priority in (1, 9, 5, None, 9, 1):
        announce.apply_async((str(priority),), **({} if priority is None else {'priority': priority}))
    return 'sent'


for word in sys.argv[1:]:
    print(json.dumps(globals()[word]()), flush=True)
