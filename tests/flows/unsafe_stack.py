"""A house whose safety is switched off: what its tests say there shows that they can see.

`python -m tests.flows.saboteurs …` is `signalpost up …` with workers that do not look at the
fence, and that start again what may have been started. Only their processes are changed.
"""

import sys

from sqlalchemy import select

from core.post_state.step_state import PREFLIGHT_AT
from core.publishing import job_types
from db.leases import JobQueue, LockedRow
from tasks.celery import app

__all__ = ["app"]

ORIGINAL_STEP_OF = job_types.next_step


def lock_without_fence(self, session, tokens):
    """In place of `Queue.held`: whoever comes back may write, whatever happened meanwhile."""
    statement = select(self.model).where(self.model.id.in_(list(tokens))).with_for_update()
    rows = session.scalars(statement, execution_options={"populate_existing": True})
    return {row.id: row for row in rows}


def lock_keys_without_fence(self, session, tokens):
    """The same in place of `Queue.glimpsed`."""
    rows = lock_without_fence(self, session, tokens)
    return {row.id: LockedRow(row.id, row.created_at) for row in rows.values()}


def step_without_reconcile(post):
    """In place of `publish.step_of`: no answer means once more."""
    step = ORIGINAL_STEP_OF(post)
    if step == "reconcile":
        step = "start" if PREFLIGHT_AT in post.memo else "preflight"
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
