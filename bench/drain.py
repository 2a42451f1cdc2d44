"""Measures how fast workers apply a backlog of webhook events that was inserted with SQL."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from celery import Celery

from bench.delivery_payloads import CREATOR_COUNT
from bench.load_phases import wait_until_applied
from bench.process_usage import cpu_ms_per_event, cpu_seconds_by_role
from bench.shared_servers import SharedServers
from bench.stack_database import StackDatabase
from bench.stacks import CLIENT_KEY, Stack, open_signalpost
from tasks.queues import WAKE_TASKS

STORED_PREFIX = "stored-"

INSERT_BACKLOG = f"""
INSERT INTO webhook_events
       (provider, event_type, vendor_event, external_id, account, publish_id, payload_json, parsed)
  SELECT 'tiktok', 'video.publish.complete', 'post.publish.complete', 'bench:' || publish_id,
         creator, publish_id,
         jsonb_build_object('client_key', %(key)s, 'event', 'post.publish.complete',
                            'create_time', extract(epoch FROM now())::bigint,
                            'user_openid', creator, 'content', content::text),
         jsonb_build_object('occurred_at', date_trunc('second', now()),
                            'progress', jsonb_build_object('phase', 'PUBLISHED',
                                                           'vendor_status', 'PUBLISH_COMPLETE'))
    FROM generate_series(1, %(count)s) AS number,
         LATERAL (SELECT 'open-' || number %% {CREATOR_COUNT} AS creator,
                         %(prefix)s || number AS publish_id) AS named,
         LATERAL (SELECT jsonb_build_object('publish_id', publish_id,
                                            'publish_type', 'DIRECT_PUBLISH') AS content) AS body
"""  # noqa: S608 - a number of our own


@dataclass(frozen=True)
class DrainResult:
    """One backlog. `seconds` run from the wake-up after the commit to the last event applied."""

    processes: int
    events: int
    seconds: float
    applied_per_second: float
    lost: int
    cost: Mapping[str, float]


def time_drain(servers: SharedServers, *, processes: int, events: int) -> DrainResult:
    with open_signalpost(servers, workers=processes) as stack:
        return drain_stack(stack, STORED_PREFIX, processes=processes, events=events)


def drain_stack(stack: Stack, prefix: str, *, processes: int, events: int) -> DrainResult:
    database = stack.require_database()
    database.insert_publications(prefix, events)
    before = cpu_seconds_by_role(stack.pids)
    woken_at = store_backlog(stack, database, prefix, events)
    wait_until_applied(database)
    after = cpu_seconds_by_role(stack.pids)
    applied = database.load_applied(prefix)
    seconds = max(publication.applied_at for publication in applied.values()) - woken_at
    return DrainResult(
        processes,
        events,
        round(seconds, 3),
        round(len(applied) / seconds, 1),
        events - len(applied),
        cpu_ms_per_event(before, after, events),
    )


def store_backlog(stack: Stack, database: StackDatabase, prefix: str, events: int) -> float:
    """Insert the backlog and wake a worker as the web process does. Returns the time of that.

    Beat also wakes workers each second.
    """
    database.execute(INSERT_BACKLOG, prefix=prefix, count=events, key=CLIENT_KEY)
    woken_at = time.time()
    with Celery(broker=stack.broker) as celery:
        celery.send_task(WAKE_TASKS["webhooks"], queue="webhooks")
    return woken_at
