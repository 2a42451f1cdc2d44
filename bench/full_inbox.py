"""Compares a stack whose events table is nearly empty with one whose events table is full.

Both run at the same time and get deliveries and a stored backlog in turn. They differ only in the
number of applied events in the table, so the ratios do not depend on the machine.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import psycopg2

from bench.delivery_payloads import CREATOR_COUNT
from bench.drain import drain_stack
from bench.load_phases import Pace, run_phase
from bench.load_results import ratio
from bench.shared_servers import SharedServers
from bench.stacks import Stack, open_signalpost

SMALL_INBOX_ROWS = 10_000
ROUNDS = 3  # the median counts
SENDER_COUNT = 16
HISTORY_DAYS = 29  # days that the applied events are spread over: a day before they are deleted
ROWS_PER_STATEMENT = 250_000

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
"""  # noqa: S608 - numbers of our own


@dataclass(frozen=True)
class InboxResult:
    """One stack. Costs are milliseconds of CPU per event; `rows` were in the table before."""

    rows: int
    accepted_per_second: float
    drained_per_second: float
    cost_accepted: float
    cost_drained: float
    lost: int


def compare_inboxes(
    servers: SharedServers, *, rows: int, seconds: float, events: int
) -> list[InboxResult]:
    """Return the results of the small and of the large table, in this order."""
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
    return [median_round([result for result in rounds if result.rows == count]) for count in stacks]


def fill_inbox(stack: Stack, count: int) -> None:
    database = stack.require_database()
    for first in range(1, count + 1, ROWS_PER_STATEMENT):
        database.execute(
            INSERT_DONE_EVENTS,
            first=first,
            last=min(first + ROWS_PER_STATEMENT - 1, count),
            count=count,
        )
    connection = psycopg2.connect(database.dsn)
    connection.autocommit = True  # VACUUM cannot run in a transaction
    with connection.cursor() as cur:
        cur.execute("VACUUM (ANALYZE) webhook_events")
        cur.execute("CHECKPOINT")
    connection.close()


def measure_round(
    stack: Stack, rows: int, round_number: int, *, seconds: float, events: int
) -> InboxResult:
    load = run_phase(stack, f"inbox{round_number}", Pace(SENDER_COUNT, seconds))
    drain = drain_stack(stack, f"stored{round_number}-", processes=2, events=events)
    return InboxResult(
        rows,
        load.accepted_per_second,
        drain.applied_per_second,
        load.burden.total_cost,
        round(sum(drain.cost.values()), 3),
        load.lost + drain.lost,
    )


def median_round(rounds: list[InboxResult]) -> InboxResult:
    """Return the median of each figure, and the sum of the lost events."""
    return InboxResult(
        rounds[0].rows,
        median(result.accepted_per_second for result in rounds),
        median(result.drained_per_second for result in rounds),
        median(result.cost_accepted for result in rounds),
        median(result.cost_drained for result in rounds),
        sum(result.lost for result in rounds),
    )


def inbox_ratios(results: list[InboxResult]) -> dict[str, float | None]:
    """Return large by small for rates and small by large for costs: below 1 means slower."""
    if not results:
        return {}
    small, large = results
    return {
        "accept/s": ratio(large.accepted_per_second, small.accepted_per_second),
        "drain/s": ratio(large.drained_per_second, small.drained_per_second),
        "CPU accept": ratio(small.cost_accepted, large.cost_accepted),
        "CPU drain": ratio(small.cost_drained, large.cost_drained),
    }
