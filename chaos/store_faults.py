"""Faults of Redis and Postgres: killed, emptied, frozen, full, slow, cut off, locked."""

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import psycopg2
import redis

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import FaultImpossible, wait_for
from chaos.plan import PlannedFault
from chaos.workload import Workload
from tests.flows.stack_failures import TERMINATE_BACKENDS

LINE_DELAY_SECONDS = 0.2
SMALL_MEMORY = "1mb"
PARALLEL_REQUESTS = 50
REQUEST_TIMEOUT = 20.0  # seconds; whoever waits longer hangs
RESTART_TIMEOUT = 40.0  # seconds in which Postgres has been restarted
NO_ANSWER = 0  # the web process was just killed
ALLOWED_STATUSES = {NO_ANSWER, 200, 429, 503}


def kill_redis(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Kill Redis, and start it again without its data."""
    stack.redis.kill()
    time.sleep(fault.duration)
    stack.redis.start()
    return "killed"


def empty_redis(stack: CampaignStack, _load: Workload, _fault: PlannedFault) -> str:
    with redis.Redis.from_url(stack.redis.url) as client:
        client.flushall()
    return "emptied"


def freeze_redis(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    stack.redis.send_signal(signal.SIGSTOP)
    try:
        time.sleep(fault.duration)
    finally:
        stack.redis.send_signal(signal.SIGCONT)
    return f"frozen for {fault.duration:.0f} s"


def delay_redis(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    stack.redis_proxy.delay = LINE_DELAY_SECONDS
    try:
        time.sleep(fault.duration)
    finally:
        stack.redis_proxy.delay = 0.0
    return "200 ms each way"


def reset_connections(stack: CampaignStack, _load: Workload, _fault: PlannedFault) -> str:
    return f"{stack.redis_proxy.reset_connections()} connections reset"


def fill_redis(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Let Redis refuse all that takes memory, for a while."""
    with redis.Redis.from_url(stack.redis.url) as client:
        client.config_set("maxmemory", SMALL_MEMORY)
        client.config_set("maxmemory-policy", "noeviction")
        try:
            time.sleep(fault.duration)
        finally:
            client.config_set("maxmemory", 0)
    return "no memory"


def kill_postgres(stack: CampaignStack, _load: Workload, _fault: PlannedFault) -> str:
    stack.running.kill("postgres")
    if not wait_for(lambda: can_connect(stack), within=RESTART_TIMEOUT):
        raise FaultImpossible("Postgres was not restarted")
    return "killed"


def can_connect(stack: CampaignStack) -> bool:
    try:
        psycopg2.connect(stack.running.info["database"], connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def freeze_postgres(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    """Freeze all processes of Postgres; connections stay open and nothing is answered."""
    server = stack.running.find_process("postgres")
    if server is None:
        raise FaultImpossible("Postgres was not running")
    frozen = []
    try:
        for process in (server, *server.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                process.suspend()
                frozen.append(process)
        time.sleep(fault.duration)
    finally:
        for process in frozen:
            with contextlib.suppress(psutil.Error):
                process.resume()
    return f"frozen for {fault.duration:.0f} s"


def terminate_connections(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    ended = 0
    deadline = time.monotonic() + fault.duration
    while time.monotonic() < deadline:
        ended += stack.query_value(TERMINATE_BACKENDS)
        time.sleep(0.5)
    return f"{ended} connections"


def exhaust_connections(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Lock what every request and every worker needs, and send fifty requests at once."""
    load.wait_for_web()
    with stack.running.connection() as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE webhook_events, posts IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as threads:
            requested = [threads.submit(load.read_posts, REQUEST_TIMEOUT) for _ in range(50)]
            time.sleep(fault.duration)
            connection.rollback()
            statuses = {each.result() for each in requested}
    load.note_statuses(statuses - ALLOWED_STATUSES)
    return f"answers {', '.join(map(str, sorted(statuses)))}"


def lock_posts_in_reverse(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Lock two posts in the order that no worker uses, while their events arrive."""
    names = load.next_publish_ids(2)
    lock_post = "SELECT FROM posts WHERE publish_id = %s FOR UPDATE"
    hold_locks(stack, fault.duration / 2, *((lock_post, name) for name in reversed(names)))
    return "two posts"


def lock_account_row(stack: CampaignStack, load: Workload, fault: PlannedFault) -> str:
    """Lock an account whose token has expired, for longer than a worker waits for a lock."""
    account_id = load.token_accounts[fault.choice % len(load.token_accounts)]
    load.expire_tokens(only=fault.choice)
    lock_account = "SELECT FROM oauth_accounts WHERE id = %s FOR UPDATE"
    hold_locks(stack, fault.duration, (lock_account, account_id))
    return "an account"


def hold_long_transaction(stack: CampaignStack, _load: Workload, fault: PlannedFault) -> str:
    hold_locks(stack, fault.duration, ("SELECT count(*), %s FROM posts", 0))
    return f"{fault.duration:.0f} s"


def hold_locks(stack: CampaignStack, seconds: float, *statements: tuple[str, Any]) -> None:
    """Execute the statements in one transaction, and wait after each. Units: seconds.

    The transaction may be the one that Postgres ends, when two wait for each other.
    """
    with (
        contextlib.suppress(psycopg2.Error),
        stack.running.connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for statement, value in statements:
            cursor.execute(statement, (value,))
            time.sleep(seconds)


STORE_ACTIONS = {
    "kill_redis": kill_redis,
    "empty_redis": empty_redis,
    "freeze_redis": freeze_redis,
    "delay_redis": delay_redis,
    "reset_redis_connections": reset_connections,
    "fill_redis": fill_redis,
    "kill_postgres": kill_postgres,
    "freeze_postgres": freeze_postgres,
    "terminate_connections": terminate_connections,
    "exhaust_connections": exhaust_connections,
    "lock_posts_in_reverse": lock_posts_in_reverse,
    "lock_account_row": lock_account_row,
    "hold_long_transaction": hold_long_transaction,
}
