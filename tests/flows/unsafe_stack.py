"""A stack with safeguards switched off, for the negative controls.

`python -m tests.flows.unsafe_stack …` is `signalpost up …` with workers that ignore the fence and
start a post again instead of reconciling it. Only the workers are changed.
"""

import sys

from sqlalchemy import select

from core.publishing import step_engine
from core.publishing.step_safety import forget_unsafe_step, is_outcome_open
from db.leases import JobQueue, LockedRow
from tasks.celery import app

__all__ = ["app"]


def lock_without_fence(self, session, tokens):
    """Replaces `JobQueue.lock_leased`: locks the rows without comparing lease tokens."""
    statement = select(self.model).where(self.model.id.in_(list(tokens))).with_for_update()
    rows = session.scalars(statement, execution_options={"populate_existing": True})
    return {row.id: row for row in rows}


def lock_keys_without_fence(self, session, tokens):
    """Replaces `JobQueue.lock_leased_keys` in the same way."""
    rows = lock_without_fence(self, session, tokens)
    return {row.id: LockedRow(row.id, row.created_at) for row in rows.values()}


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
    JobQueue.lock_leased_keys = lock_keys_without_fence
    step_engine.note_lost_answer = start_again
