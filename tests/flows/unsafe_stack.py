"""A stack with safeguards switched off, for the negative controls.

`python -m tests.flows.unsafe_stack …` is `signalpost up …` with workers that ignore the fence and
start a post again instead of reconciling it. Only the workers are changed.
"""

import sys

from sqlalchemy import BigInteger, Text, func, select, update

from core.publishing import step_engine
from core.publishing.step_safety import forget_unsafe_step, is_outcome_open
from db.bulk import ROWS_PARAMETER, rows_table
from db.compiled_statements import CompiledStatement, StatementCall
from db.leases import JobQueue
from db.webhooks.events import Event, Events
from tasks.celery import app

__all__ = ["app"]


def lock_without_fence(self, session, tokens):
    """Replaces `JobQueue.lock_leased`: locks the rows without comparing lease tokens."""
    statement = select(self.model).where(self.model.id.in_(list(tokens))).with_for_update()
    rows = session.scalars(statement, execution_options={"populate_existing": True})
    return {row.id: row for row in rows}


def finish_without_fence(events):
    """Replaces `Events.finish_calls`: finishes the events without comparing lease tokens."""
    rows = [event._asdict() for event in events]
    return [StatementCall(FINISH_ANY, {ROWS_PARAMETER: rows})] if rows else []


def build_unsafe_finish():
    rows = rows_table({"id": BigInteger(), "status": Text()})
    values = {"status": rows.c.status, "processed_at": func.clock_timestamp()}
    released = {"due_at": None, "leased_until": None}
    return update(Event).where(Event.id == rows.c.id).values(**values, **released)


FINISH_ANY = CompiledStatement(build_unsafe_finish())


def start_again(_session, post, parts):
    """Replaces `step_engine.note_lost_answer`: a post without a response is started again."""
    if is_outcome_open(post) and not step_engine.is_begun(post, parts):
        forget_unsafe_step(post)


def main():
    from local import processes, up

    processes.CELERY_COMMAND = (
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.flows.unsafe_stack:app",
    )
    up.up()


if __name__ == "__main__":
    main()
else:
    JobQueue.lock_leased = lock_without_fence
    Events.finish_calls = staticmethod(finish_without_fence)
    step_engine.note_lost_answer = start_again
