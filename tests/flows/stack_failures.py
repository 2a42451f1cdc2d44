"""What befalls a house under load, drawn by dice that can be thrown again.

A part of it is killed whole, or one process in it; stores are killed, emptied, hung or cut off.
"""

import contextlib
import os
import signal
import time

import psutil
import redis

from tests.flows.brokers import wait_until

VICTIMS = ("web", "worker", "beat")
LEASE_SECONDS = 30.0  # seconds, of notices
MIN_LIFETIME = 8.0  # seconds: a start, and some work
RESTART_TIMEOUT = 60.0  # seconds in which the supervisor has each part standing again


def kill_random_process(stack, rng):
    """Who died: a part with all its processes, its first one alone, or one below that."""
    wait_until(
        lambda: list_settled_processes(stack), within=RESTART_TIMEOUT, what="somebody to be killed"
    )
    name, kill_method = (
        rng.choice(list_settled_processes(stack)),
        rng.choice((kill_part, kill_child)),
    )
    return f"{name}: {kill_method(stack, name)}"


def list_settled_processes(stack):
    """Those that have lived long enough to have worked: who dies while it starts proves nothing."""
    processes = {name: child for name in VICTIMS if (child := stack.child(name))}
    return [
        name
        for name, child in processes.items()
        if time.time() - child.create_time() > MIN_LIFETIME
    ]


EXPIRE_LEASES = """
UPDATE webhook_events SET leased_until = now() - interval '1 second'
 WHERE id IN (SELECT id FROM webhook_events WHERE leased_until > now() FOR UPDATE SKIP LOCKED)
"""
"""What the stopped one has locked already nobody can take from it."""


def kill_part(stack, name):
    stack.kill(name)
    return "all of it"


def kill_child(stack, name):
    """One that its parent has to replace; where there is none, the part itself."""
    with contextlib.suppress(psutil.Error, AttributeError):
        children = stack.child(name).children(recursive=True)
        if children:
            os.kill(children[-1].pid, signal.SIGKILL)
            return "a child"
    return kill_part(stack, name)


def freeze_past_lease(stack):
    """Stopped for longer than every lease it holds; then it wakes up and goes on writing."""
    with stack.freeze("worker"):
        time.sleep(LEASE_SECONDS + 5)


def suspend_past_lease(stack, seconds=0.4):
    """One process of the worker stops, its lease ends, and another one does its work meanwhile."""
    pool = find_worker_pool(stack)
    process = pool[int(time.monotonic() * 1000) % len(pool)]
    process.suspend()
    try:
        stack.query(EXPIRE_LEASES)
        time.sleep(seconds)
    finally:
        process.resume()


def find_worker_pool(stack):
    """The processes of its worker, as soon as it has some: another test may have killed it."""
    processes = []

    def look():
        with contextlib.suppress(psutil.Error, AttributeError):
            processes[:] = stack.find_process("worker").children(recursive=True)
        return processes

    wait_until(look, within=RESTART_TIMEOUT, what="a worker with its processes")
    return processes


def flush_broker(stack):
    with connect_to_broker(stack) as client:
        client.flushall()


def count_broker_keys(stack):
    with connect_to_broker(stack) as client:
        return client.dbsize()


def connect_to_broker(stack):
    return redis.Redis.from_url(stack.told["broker"])


def kill_redis(stack):
    stack.kill("redis")


def freeze_redis(stack, seconds):
    with stack.freeze("redis"):
        time.sleep(seconds)


def crash_postgres(stack):
    stack.kill("postgres")
    wait_until(lambda: stack.one("SELECT 1"), within=RESTART_TIMEOUT, what="the next Postgres")


def terminate_connections(stack, seconds=5.0):
    """Whoever speaks with Postgres loses the connection, again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stack.query(TERMINATE_BACKENDS)
        time.sleep(0.5)


TERMINATE_BACKENDS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name <> ''
"""
"""All parts of the house tell Postgres who they are; we who watch do not."""
