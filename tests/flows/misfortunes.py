"""What befalls a house under load, drawn by dice that can be thrown again.

A part of it is killed whole, or one process in it; stores are killed, emptied, hung or cut off.
"""

import contextlib
import os
import signal
import time

import psutil
import redis

from tests.flows.brokers import until

VICTIMS = ("web", "worker", "beat")
LEASE = 30.0  # seconds, of notices
LIFE = 8.0  # seconds: a start, and some work
BACK = 60.0  # seconds in which the supervisor has each part standing again


def kill_one(house, dice):
    """Who died: a part with all its processes, its first one alone, or one below that."""
    until(lambda: standing(house), within=BACK, what="somebody to be killed")
    name, how = dice.choice(standing(house)), dice.choice((whole, below))
    return f"{name}: {how(house, name)}"


def standing(house):
    """Those that have lived long enough to have worked: who dies while it starts proves nothing."""
    alive = {name: child for name in VICTIMS if (child := house.child(name))}
    return [name for name, child in alive.items() if time.time() - child.create_time() > LIFE]


LAPSE = """
UPDATE webhook_events SET leased_until = now() - interval '1 second'
 WHERE id IN (SELECT id FROM webhook_events WHERE leased_until > now() FOR UPDATE SKIP LOCKED)
"""
"""What the stopped one has locked already nobody can take from it."""


def whole(house, name):
    house.kill(name)
    return "all of it"


def below(house, name):
    """One that its parent has to replace; where there is none, the part itself."""
    with contextlib.suppress(psutil.Error, AttributeError):
        children = house.child(name).children(recursive=True)
        if children:
            os.kill(children[-1].pid, signal.SIGKILL)
            return "a child"
    return whole(house, name)


def outlived(house):
    """Stopped for longer than every lease it holds; then it wakes up and goes on writing."""
    with house.frozen("worker"):
        time.sleep(LEASE + 5)


def overtaken(house, seconds=0.4):
    """One process of the worker stops, its lease ends, and another one does its work meanwhile."""
    pool = pool_of(house)
    stopped = pool[int(time.monotonic() * 1000) % len(pool)]
    stopped.suspend()
    try:
        house.rows(LAPSE)
        time.sleep(seconds)
    finally:
        stopped.resume()


def pool_of(house):
    """The processes of its worker, as soon as it has some: another test may have killed it."""
    found = []

    def look():
        with contextlib.suppress(psutil.Error, AttributeError):
            found[:] = house.child("worker").children(recursive=True)
        return found

    until(look, within=BACK, what="a worker with its processes")
    return found


def emptied(house):
    with broker(house) as client:
        client.flushall()


def keys(house):
    with broker(house) as client:
        return client.dbsize()


def broker(house):
    return redis.Redis.from_url(house.told["broker"])


def gone(house):
    house.kill("redis")


def hung(house, seconds):
    with house.frozen("redis"):
        time.sleep(seconds)


def crashed(house):
    house.kill("postgres")
    until(lambda: house.one("SELECT 1"), within=BACK, what="the next Postgres")


def cut_off(house, seconds=5.0):
    """Whoever speaks with Postgres loses the connection, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        house.rows(TERMINATE)
        time.sleep(0.5)


TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name <> ''
"""
"""All parts of the house tell Postgres who they are; we who watch do not."""
