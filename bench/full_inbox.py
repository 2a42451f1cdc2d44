"""Whether the inbox stays fast when it is full: two houses side by side, one with few notices that
are done, one with many; letters and a stored backlog for each in turn.

They differ by what they remember alone, so that ratios hold where figures do not.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import psycopg2

from bench.delivery_payloads import CREATOR_COUNT
from bench.drain import drain_stack
from bench.load_phases import Pace, run_phase
from bench.load_results import ratio
from bench.shared_servers import SharedServers
from bench.stack_database import StackDatabase
from bench.stacks import Stack, open_signalpost

SMALL_INBOX_ROWS = 10_000
ROUNDS = 3  # of which the one in the middle counts
SENDER_COUNT = 16
HISTORY_DAYS = 29  # that what is done is spread over: just not old enough to go
ROWS_PER_STATEMENT = 250_000  # rows per statement

INSERT_DONE_EVENTS = f"""
INSERT INTO webhook_events
       (provider, event_type, vendor_event, external_id, account, publish_id, payload_json, status,
        processed_at, next_attempt_at, retry_count, lease_token, created_at)
  SELECT 'tiktok', 'video.publish.complete', 'post.publish.complete',
         'post.publish.complete:' || encode(sha256(convert_to('done-' || number, 'UTF8')), 'hex'),
         'open-' || number %% {CREATOR_COUNT}, 'done-' || number,
         jsonb_build_object('event', 'post.publish.complete', 'create_time', number, 'content',
                            jsonb_build_object('publish_id', 'done-' || number)::text),
         'done', at + interval '50 ms', NULL, 1, 1, at
    FROM generate_series(%(first)s, %(last)s) AS number,
         LATERAL (SELECT now() - interval '1 hour'
                  - (1 - number::float / %(count)s) * interval '{HISTORY_DAYS} days' AS at) AS done
"""


@dataclass(frozen=True)
class InboxResult:
    """Per second and milliseconds of CPU per notice; `rows` were there before, all of them done."""

    rows: int
    accepted_per_second: float
    drained_per_second: float
    cost_accepted: float
    cost_drained: float
    lost: int


def compare_inboxes(
    servers: SharedServers, *, rows: int, seconds: float, events: int
) -> list[InboxResult]:
    """The small one and the large one, in this order."""
    with ExitStack() as open_stacks:
        stacks = {
            count: open_stacks.enter_context(open_signalpost(servers))
            for count in (SMALL_INBOX_ROWS, rows)
        }
        for count, stack in stacks.items():
            fill_inbox(stack, count)
        rounds = [
            measure_round(stack, count, number, seconds=seconds, events=events)
            for number in range(ROUNDS)
            for count, stack in stacks.items()
        ]
    return [median_round(each for each in rounds if each.rows == count) for count in stacks]


def fill_inbox(stack: Stack, count: int) -> None:
    database = require_database(stack)
    for first in range(1, count + 1, ROWS_PER_STATEMENT):
        database.execute(
            INSERT_DONE_EVENTS,
            first=first,
            last=min(first + ROWS_PER_STATEMENT - 1, count),
            count=count,
        )
    connection = psycopg2.connect(database.dsn)
    connection.autocommit = True  # neither runs inside a transaction
    with connection.cursor() as cur:
        cur.execute("VACUUM (ANALYZE) webhook_events")
        cur.execute("CHECKPOINT")
    connection.close()


def measure_round(
    stack: Stack, rows: int, round_number: int, *, seconds: float, events: int
) -> InboxResult:
    load = run_phase(stack, f"letters{round_number}", Pace(SENDER_COUNT, seconds))
    drain = drain_stack(stack, f"stored{round_number}-", processes=2, events=events)
    return InboxResult(
        rows,
        load.accepted_per_second,
        drain.applied_per_second,
        load.burden.total_cost,
        round(sum(drain.cost.values()), 3),
        load.lost + drain.lost,
    )


def median_round(rounds: Iterable[InboxResult]) -> InboxResult:
    """Each figure's own median; what was lost is lost."""
    found = list(rounds)
    return InboxResult(
        found[0].rows,
        median(each.accepted_per_second for each in found),
        median(each.drained_per_second for each in found),
        median(each.cost_accepted for each in found),
        median(each.cost_drained for each in found),
        sum(each.lost for each in found),
    )


def inbox_ratios(found: list[InboxResult]) -> dict[str, float | None]:
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


def require_database(stack: Stack) -> StackDatabase:
    assert stack.database
    return stack.database
