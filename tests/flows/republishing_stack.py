"""A stack that makes a post again after a lost answer, for the negative control.

`python -m tests.flows.republishing_stack …` is `signalpost up …` with workers that do not reconcile
the posts of platforms with steps. Only the workers are changed.
"""

import sys

from core.publishing import step_engine
from core.publishing.step_safety import forget_unsafe_step, is_outcome_open
from tasks.celery import app

__all__ = ["app"]


def begin_again(_session, post, parts):
    """Replaces `step_engine.note_lost_answer`: forgets the unsafe step and what was made for it."""
    if is_outcome_open(post):
        forget_unsafe_step(post)
        post.publish_id = post.container_id = None
        for part in parts:
            part.handle = part.status = part.status_text = None


def main():
    from local import processes, up

    module = "tests.flows.republishing_stack:app"
    processes.CELERY_COMMAND = (sys.executable, "-m", "celery", "-A", module)
    up.up()


if __name__ == "__main__":
    main()
else:
    step_engine.note_lost_answer = begin_again
