"""Failures to inject on a stack: killed processes; stores killed, emptied, frozen, disconnected.

Random choices come from a generator with a seed, so that a run can be repeated.
"""

import contextlib
import os
import signal
import time

import psutil
import redis

from tests.flows.brokers import wait_until

VICTIMS = ("web", "worker", "beat")
LEASE_SECONDS = 30.0  # seconds, of webhook events
MIN_LIFETIME = 8.0  # seconds: a start, and some work
RESTART_TIMEOUT = 60.0  # seconds in which the supervisor has restarted any process


def kill_random_process(stack, rng):
    """Kill a process with all its children, or only a child; return which, for the log."""
    wait_until(
        lambda: list_settled_processes(stack), within=RESTART_TIMEOUT, what="a process to kill"
    )
    name = rng.choice(list_settled_processes(stack))
    kill_method = rng.choice((kill_whole_process, kill_child))
    return f"{name}: {kill_method(stack, name)}"


def list_settled_processes(stack):
    """Return the processes that have had time to work: killing a starting one proves nothing."""
    processes = {name: process for name in VICTIMS if (process := stack.find_process(name))}
    return [
        name
        for name, process in processes.items()
        if time.time() - process.create_time() > MIN_LIFETIME
    ]


EXPIRE_LEASES = """
UPDATE webhook_events SET leased_until = now() - interval '1 second'
 WHERE id IN (SELECT id FROM webhook_events WHERE leased_until > now() FOR UPDATE SKIP LOCKED)
"""
"""Rows that a suspended process has locked in a transaction are skipped."""


def kill_whole_process(stack, name):
    stack.kill(name)
    return "all of it"


def kill_child(stack, name):
    """Kill a child that its parent has to replace, or the whole process if it has no child."""
    with contextlib.suppress(psutil.Error, AttributeError):
        children = stack.find_process(name).children(recursive=True)
        if children:
            os.kill(children[-1].pid, signal.SIGKILL)
            return "a child"
    return kill_whole_process(stack, name)


def freeze_past_lease(stack):
    """Freeze the worker for longer than its leases; afterwards it continues and tries to write."""
    with stack.freeze("worker"):
        time.sleep(LEASE_SECONDS + 5)


def suspend_past_lease(stack, seconds=0.4):
    """Suspend one pool process past its lease, so that another process does its work meanwhile."""
    pool = find_worker_pool(stack)
    process = pool[int(time.monotonic() * 1000) % len(pool)]
    process.suspend()
    try:
        stack.query(EXPIRE_LEASES)
        time.sleep(seconds)
    finally:
        process.resume()


def find_worker_pool(stack):
    """Return the worker's pool processes; wait for them, as a test may have killed the worker."""
    processes = []

    def load_processes():
        with contextlib.suppress(psutil.Error, AttributeError):
            processes[:] = stack.find_process("worker").children(recursive=True)
        return processes

    wait_until(load_processes, within=RESTART_TIMEOUT, what="a worker with its processes")
    return processes


def flush_broker(stack):
    with connect_to_broker(stack) as client:
        client.flushall()


def count_broker_keys(stack):
    with connect_to_broker(stack) as client:
        return client.dbsize()


def connect_to_broker(stack):
    return redis.Redis.from_url(stack.info["broker"])


def kill_redis(stack):
    stack.kill("redis")


def freeze_redis(stack, seconds):
    with stack.freeze("redis"):
        time.sleep(seconds)


def crash_postgres(stack):
    stack.kill("postgres")
    wait_until(
        lambda: stack.query_value("SELECT 1"),
        within=RESTART_TIMEOUT,
        what="the restart of Postgres",
    )


def terminate_connections(stack, seconds=5.0):
    """Close all connections of the stack to Postgres, twice a second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stack.query(TERMINATE_BACKENDS)
        time.sleep(0.5)


TERMINATE_BACKENDS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name <> ''
"""
"""All processes of the stack set an application name; the tests' own connections do not."""
