"""What must be true of posts in the end, whatever happened on the way. Asks both sides.

Each judgement can see: `test_saboteurs.py` has a house that fails it.
"""

from dataclasses import dataclass

from tests.flows.guests import FINAL


@dataclass(frozen=True)
class Fate:
    """One post: our state and reason, and how often its title really appeared."""

    state: str
    reason: str | None
    publications: int

    @property
    def is_honest(self) -> bool:
        """Published means once; failed means not at all, and says why."""
        if self.state == "PUBLISHED":
            return self.publications == 1
        return self.state in FINAL and self.reason is not None and self.publications == 0


PUBLISHED = Fate("PUBLISHED", None, 1)


def fate(house, guest, post_id):
    """Direct posts only: of a draft's title the platform knows nothing."""
    state, reason, title = house.rows(
        "SELECT state, error_code, title FROM posts WHERE id = %s", post_id
    )[0]
    seen = [one for one in guest.platform_posts() if one["post_info"].get("title") == title]
    return Fate(state, reason, sum(one["published"] for one in seen))


def left(house, guest):
    """What of this guest is still due or under way: nothing, once all has ended."""
    return house.rows(
        "SELECT posts.id, posts.state, posts.due_at, upload.id"
        " FROM posts LEFT JOIN upload_sessions AS upload ON upload.post_id = posts.id"
        " WHERE posts.oauth_account_id = %s"
        " AND (posts.due_at IS NOT NULL OR upload.id IS NOT NULL)",
        guest.account,
    )
