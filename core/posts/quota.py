"""How many posts an account may have under way: counted in Postgres, held by the post itself.

TikTok's rules: five drafts that the creator has not posted yet, fifteen direct posts a day. A slot
is taken with the account locked, so that no crowd of requests can overshoot the limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.config.figures import Figures
from core.errors import Failed, QuotaExceeded
from core.ledger.memo import SLOTS
from core.outcomes import Later
from db.posts import Post
from db.session import Session
from db.slots import WINDOW, Slots, Taken

KINDS = {"INBOX": ("INBOX_VIDEO", "INBOX_PHOTO"), "DIRECT": ("DIRECT_VIDEO", "DIRECT_PHOTO")}
BUSY = timedelta(seconds=1)
LOOK_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Quota:
    used: int
    limit: int
    resets_at: datetime | None  # when the oldest one in use is a day old; None if there is none

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def figures(self) -> dict[str, Any]:
        return {
            "used": self.used,
            "limit": self.limit,
            "remaining": self.remaining,
            "resets_at": self.resets_at,
        }


def limits(figures: Figures) -> dict[str, int]:
    return {"INBOX": figures.tiktok_pending, "DIRECT": figures.tiktok_direct_daily}


def quota(session: Session, account_id: int, mode: str, *, limit: int) -> Quota:
    return of(Slots(session).taken(account_id, KINDS[mode]), limit)


def of(taken: Taken, limit: int) -> Quota:
    return Quota(taken.count, limit, taken.oldest and taken.oldest + WINDOW)


def reserve(session: Session, post: Post, *, limit: int) -> None:
    """The account must be locked. Errors: QuotaExceeded with the figures in `details`."""
    mode = post.kind.partition("_")[0]
    taken = Slots(session).taken(int(post.oauth_account_id or 0), KINDS[mode], without=post.id)
    if taken.count >= limit:
        full = of(taken, limit)
        raise QuotaExceeded(
            f"{taken.count} of {limit} slots are taken",
            details={"quota": full.figures()},
            retry_after=max(full.resets_at - taken.now, BUSY) if full.resets_at else BUSY,
        )
    post.has_slot = True


def slot(session: Session, post: Post) -> None:
    """For a post that was to wait: its slot, now that it is due.

    Errors: Later until there is one; Failed `quota_exceeded` after a day of waiting.
    """
    if post.has_slot or post.oauth_account_id is None:
        return
    if not Slots(session).lock(post.oauth_account_id, wait=False):
        raise Later(BUSY, "somebody else is counting slots")
    try:
        reserve(session, post, limit=int(post.memo[SLOTS]))
    except QuotaExceeded as full:
        waited = Slots(session).now() - (post.publish_at or post.created_at)
        if waited >= WINDOW:
            raise Failed("no slot became free within a day", code=QuotaExceeded.code) from None
        raise Later(min(full.retry_after or BUSY, LOOK_AGAIN), "waits for a quota slot") from None
