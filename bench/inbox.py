"""Whether the inbox stays fast when it is full: two houses side by side, one with few notices that
are done, one with many; letters and a stored backlog for each in turn.

They differ by what they remember alone, so that ratios hold where figures do not.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import psycopg2

from bench.drain import drained
from bench.figures import ratio
from bench.ground import Ground
from bench.letters import CREATORS
from bench.load import Pace, phase
from bench.memory import Memory
from bench.stacks import Stack, signalpost

FEW = 10_000
ROUNDS = 3  # of which the one in the middle counts
SENDERS = 16
DAYS = 29  # that what is done is spread over: just not old enough to go
PIECE = 250_000  # rows per statement

DONE = f"""
INSERT INTO webhook_events
       (provider, event_type, vendor_event, external_id, account, publish_id, payload_json, status,
        processed_at, next_attempt_at, retry_count, lease_token, created_at)
  SELECT 'tiktok', 'video.publish.complete', 'post.publish.complete',
         'post.publish.complete:' || encode(sha256(convert_to('done-' || number, 'UTF8')), 'hex'),
         'open-' || number %% {CREATORS}, 'done-' || number,
         jsonb_build_object('event', 'post.publish.complete', 'create_time', number, 'content',
                            jsonb_build_object('publish_id', 'done-' || number)::text),
         'done', at + interval '50 ms', NULL, 1, 1, at
    FROM generate_series(%(first)s, %(last)s) AS number,
         LATERAL (SELECT now() - interval '1 hour'
                  - (1 - number::float / %(count)s) * interval '{DAYS} days' AS at) AS done
"""  # noqa: S608 - numbers of ours


@dataclass(frozen=True)
class Inbox:
    """Per second and milliseconds of CPU per notice; `rows` were there before, all of them done."""

    rows: int
    accepted_per_second: float
    drained_per_second: float
    cost_accepted: float
    cost_drained: float
    lost: int


def inboxes(ground: Ground, *, rows: int, seconds: float, events: int) -> list[Inbox]:
    """The small one and the large one, in this order."""
    with ExitStack() as houses:
        stacks = {count: houses.enter_context(signalpost(ground)) for count in (FEW, rows)}
        for count, stack in stacks.items():
            fill(stack, count)
        rounds = [
            look(stack, count, number, seconds=seconds, events=events)
            for number in range(ROUNDS)
            for count, stack in stacks.items()
        ]
    return [middle(each for each in rounds if each.rows == count) for count in stacks]


def fill(stack: Stack, count: int) -> None:
    memory = known(stack)
    for first in range(1, count + 1, PIECE):
        memory.run(DONE, first=first, last=min(first + PIECE - 1, count), count=count)
    connection = psycopg2.connect(memory.dsn)
    connection.autocommit = True  # neither runs inside a transaction
    with connection.cursor() as run:
        run.execute("VACUUM (ANALYZE) webhook_events")
        run.execute("CHECKPOINT")
    connection.close()


def look(stack: Stack, rows: int, number: int, *, seconds: float, events: int) -> Inbox:
    heard = phase(stack, f"letters{number}", Pace(SENDERS, seconds))
    gone = drained(stack, f"stored{number}-", processes=2, events=events)
    return Inbox(
        rows,
        heard.accepted_per_second,
        gone.applied_per_second,
        heard.burden.cost_of_all,
        round(sum(gone.cost.values()), 3),
        heard.lost + gone.lost,
    )


def middle(rounds: Iterable[Inbox]) -> Inbox:
    """Each figure's own median; what was lost is lost."""
    found = list(rounds)
    return Inbox(
        found[0].rows,
        median(each.accepted_per_second for each in found),
        median(each.drained_per_second for each in found),
        median(each.cost_accepted for each in found),
        median(each.cost_drained for each in found),
        sum(each.lost for each in found),
    )


def compared(found: list[Inbox]) -> dict[str, float | None]:
    """Large by small for rates, small by large for costs: below 1 is slower, whatever it is."""
    if not found:
        return {}
    small, large = found
    return {
        "accept/s": ratio(large.accepted_per_second, small.accepted_per_second),
        "drain/s": ratio(large.drained_per_second, small.drained_per_second),
        "CPU accept": ratio(small.cost_accepted, large.cost_accepted),
        "CPU drain": ratio(small.cost_drained, large.cost_drained),
    }


def known(stack: Stack) -> Memory:
    assert stack.memory
    return stack.memory
