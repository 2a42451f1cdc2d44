"""How fast a backlog goes: stored by SQL while the house runs, applied by its own workers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from celery import Celery

from bench.costs import per_event, spent
from bench.ground import Ground
from bench.letters import CREATORS
from bench.load import await_all
from bench.memory import Memory
from bench.stacks import CLIENT_KEY, Stack, signalpost
from tasks.queues import WAKES

PREFIX = "stored-"

BACKLOG = f"""
INSERT INTO webhook_events
       (provider, event_type, vendor_event, external_id, account, publish_id, payload_json)
  SELECT 'tiktok', 'video.publish.complete', 'post.publish.complete', 'bench:' || publish_id,
         creator, publish_id,
         jsonb_build_object('client_key', %(key)s, 'event', 'post.publish.complete',
                            'create_time', extract(epoch FROM now())::bigint,
                            'user_openid', creator, 'content', content::text)
    FROM generate_series(1, %(count)s) AS number,
         LATERAL (SELECT 'open-' || number %% {CREATORS} AS creator,
                         %(prefix)s || number AS publish_id) AS named,
         LATERAL (SELECT jsonb_build_object('publish_id', publish_id,
                                            'publish_type', 'DIRECT_PUBLISH') AS content) AS said
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True)
class Drain:
    """`seconds` from the bell after the commit to the last notice applied."""

    processes: int
    events: int
    seconds: float
    applied_per_second: float
    lost: int
    cost: Mapping[str, float]


def drain(ground: Ground, *, processes: int, events: int) -> Drain:
    with signalpost(ground, workers=processes) as stack:
        return drained(stack, PREFIX, processes=processes, events=events)


def drained(stack: Stack, prefix: str, *, processes: int, events: int) -> Drain:
    assert stack.memory
    stack.memory.expect(prefix, events)
    before = spent(stack.pids)
    rung = backlog(stack, stack.memory, prefix, events)
    await_all(stack.memory)
    after = spent(stack.pids)
    applied = stack.memory.applied(prefix)
    seconds = max(one.at for one in applied.values()) - rung
    return Drain(
        processes,
        events,
        round(seconds, 3),
        round(len(applied) / seconds, 1),
        events - len(applied),
        per_event(before, after, events),
    )


def backlog(stack: Stack, memory: Memory, prefix: str, events: int) -> float:
    """One bell, as the web process rings it; beat rings each second besides. When it was rung."""
    memory.run(BACKLOG, prefix=prefix, count=events, key=CLIENT_KEY)
    rung = time.time()
    with Celery(broker=stack.broker) as bell:
        bell.send_task(WAKES["webhooks"], queue="webhooks")
    return rung
