"""What an application may do before its platform has audited it: post for its creators' own eyes,
and for five of them a day. Asks nobody.

Source: TikTok, content-sharing-guidelines, read 2026-11-22. The account itself has to be private
when it posts: only TikTok sees that for sure, so a form says it and TikTok judges it.
"""

from datetime import datetime

from core.config.apps import TikTok
from core.errors import Limited
from core.outcomes import Later
from core.posts.quota import BUSY, KINDS, Quota
from db.posts import Post
from db.session import Session
from db.slots import WINDOW, Slots

ONLY = "SELF_ONLY"
USERS = 5  # accounts that may post directly within 24 hours
FULL = "reached_active_user_cap"
REFUSED = "unaudited_client_can_only_post_to_private_accounts"


def offered(tiktok: TikTok, levels: tuple[str, ...]) -> tuple[str, ...]:
    """Of the audiences a creator allows, those that this application may use."""
    return levels if tiktok.app_audited else tuple(level for level in levels if level == ONLY)


def is_refused(tiktok: TikTok, *, mode: str, level: str | None) -> bool:
    """Whether the platform would refuse this audience, whoever its creator is."""
    return mode == "DIRECT" and not tiktok.app_audited and level != ONLY


def users(session: Session) -> Quota:
    """Accounts that post directly today, through all of this installation."""
    return counted(list(Slots(session).posting(KINDS["DIRECT"]).values()))


def counted(latest: list[datetime]) -> Quota:
    return Quota(len(latest), USERS, min(latest) + WINDOW if latest else None)


def admit(session: Session, post: Post, *, wait: bool) -> None:
    """Whether its account may be one of the five: who already is goes on.

    Nobody else is admitted until this transaction ends.
    Errors: Limited `reached_active_user_cap` with the figures; Later, instead of waiting.
    """
    if not Slots(session).lock_all(wait=wait):
        raise Later(BUSY, "somebody else is counting accounts")
    posting = Slots(session).posting(KINDS["DIRECT"])
    if post.oauth_account_id in posting or len(posting) < USERS:
        return
    full = counted(list(posting.values()))
    frees = full.resets_at and full.resets_at - Slots(session).now()
    raise Limited(
        f"{full.used} of {USERS} accounts have posted today",
        code=FULL,
        details={"users": full.figures()},
        retry_after=max(frees or BUSY, BUSY),
    )
