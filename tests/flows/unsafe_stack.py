"""A stack with safeguards switched off, for the negative controls.

`python -m tests.flows.unsafe_stack …` is `signalpost up …` with workers that ignore the fence and
start a post again instead of reconciling it. Only the workers are changed.
"""

import sys

from sqlalchemy import select

from core.post_state.step_state import PREFLIGHT_AT
from core.publishing import job_types
from db.leases import JobQueue, LockedRow
from tasks.celery import app

__all__ = ["app"]

ORIGINAL_NEXT_STEP = job_types.next_step


def lock_without_fence(self, session, tokens):
    """Replaces `JobQueue.lock_leased`: locks the rows without comparing lease tokens."""
    statement = select(self.model).where(self.model.id.in_(list(tokens))).with_for_update()
    rows = session.scalars(statement, execution_options={"populate_existing": True})
    return {row.id: row for row in rows}


def lock_keys_without_fence(self, session, tokens):
    """Replaces `JobQueue.lock_leased_keys` in the same way."""
    rows = lock_without_fence(self, session, tokens)
    return {row.id: LockedRow(row.id, row.created_at) for row in rows.values()}


def step_without_reconcile(post):
    """Replaces `job_types.next_step`: a post without a response is started again."""
    step = ORIGINAL_NEXT_STEP(post)
    if step == "reconcile":
        step = "start" if PREFLIGHT_AT in post.step_state else "preflight"
    return step


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
    job_types.next_step = step_without_reconcile
