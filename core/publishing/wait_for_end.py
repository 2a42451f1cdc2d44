"""Waits inside a request while workers publish its post, for as long as requests may take."""

import time
from datetime import datetime, timedelta

from core.bootstrap import Services
from core.post_state.settle import FINAL_STATES
from core.publishing.post_results import PostResult, load_result
from db.posts.posts import Post
from db.session import Database

POLL_SECONDS = 0.2  # between two looks at the row; a step takes longer


def wait_for_end(
    database: Database, services: Services, result: PostResult, *, since: datetime
) -> PostResult:
    """Return the post as it is at its end, or when the time budget of the request is used up.

    The wait is measured by a clock that never jumps.
    """
    waited = max(services.now() - since, timedelta(0))
    remaining = services.settings.limits.inline_time_budget - waited
    deadline = time.monotonic() + remaining.total_seconds()
    while time.monotonic() < deadline:
        with database.transaction() as session:
            post = session.get(Post, result.post.id)
            if post is None:  # erased with its account
                return result
            if post.state in FINAL_STATES:
                return load_result(session, services, post, is_repeat=result.is_repeat)
        time.sleep(POLL_SECONDS)
    with database.transaction() as session:
        post = session.get(Post, result.post.id)
        return result if post is None else load_result(session, services, post)
