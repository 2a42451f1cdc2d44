"""How many posts an account may have under way: counted in Postgres, held by the post itself.

TikTok's rules: five drafts that the creator has not posted yet, fifteen direct posts a day. A slot
is taken with the account locked, so that no crowd of requests can overshoot the limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.config.figures import Figures
from core.errors import QuotaExceeded
from db.posts import Post
from db.session import Session
from db.slots import WINDOW, Slots, Taken

KINDS = {"INBOX": ("INBOX_VIDEO", "INBOX_PHOTO"), "DIRECT": ("DIRECT_VIDEO", "DIRECT_PHOTO")}
BUSY = timedelta(seconds=1)


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
