"""Makes published posts due again whose public id is not known yet. Moderation may take hours."""

from datetime import timedelta

from core.post_state.settle import DAY
from db.publishing.late_matches import LateMatches, RecheckBand
from db.session import Database

RECHECK_BANDS = (
    RecheckBand(published_within=timedelta(hours=1), quiet_for=timedelta(minutes=5)),
    RecheckBand(published_within=DAY, quiet_for=timedelta(hours=1)),
    RecheckBand(published_within=7 * DAY, quiet_for=timedelta(hours=6)),
)
"""When to poll for a missing id."""

MAX_RECHECKED_POSTS = 500  # made due in one run; the next run, a minute later, continues


def recheck_posts_without_video_id(database: Database) -> int:
    """Make published posts without a video id due for a poll; returns how many."""
    with database.transaction() as session:
        return LateMatches(session).schedule_video_id_recheck(
            RECHECK_BANDS, limit=MAX_RECHECKED_POSTS
        )
