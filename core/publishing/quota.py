"""How many posts an account may have under way: counted in Postgres, held by the post itself.

TikTok's rules: five drafts that the creator has not posted yet, fifteen direct posts a day. A slot
is taken with the account locked, so that no crowd of requests can overshoot the limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.config.limits import LimitSettings
from core.config.platform_apps import TikTokSettings
from core.errors import CoreError, OperationFailed, QuotaExceeded, RateLimitExceeded
from core.outcomes import Snooze
from core.post_state.step_state import SLOT_LIMIT, UNAUDITED
from db.posts.posts import Post
from db.posts.quota_slots import QUOTA_WINDOW, QuotaSlots, SlotUsage
from db.session import Session

KINDS_BY_MODE = {
    "INBOX": ("INBOX_VIDEO", "INBOX_PHOTO"),
    "DIRECT": ("DIRECT_VIDEO", "DIRECT_PHOTO"),
}
LOCK_RETRY_AFTER = timedelta(seconds=1)


@dataclass(frozen=True)
class Quota:
    used: int
    limit: int
    resets_at: datetime | None  # when the oldest one in use is a day old; None if there is none

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def as_dict(self) -> dict[str, Any]:
        return {
            "used": self.used,
            "limit": self.limit,
            "remaining": self.remaining,
            "resets_at": self.resets_at,
        }


def slot_limits(limits: LimitSettings) -> dict[str, int]:
    return {"INBOX": limits.tiktok_pending_limit, "DIRECT": limits.tiktok_direct_daily_limit}


def load_quota(session: Session, account_id: int, mode: str, *, limit: int) -> Quota:
    return quota_from_usage(QuotaSlots(session).count_slots(account_id, KINDS_BY_MODE[mode]), limit)


def quota_from_usage(usage: SlotUsage, limit: int) -> Quota:
    return Quota(usage.count, limit, usage.oldest and usage.oldest + QUOTA_WINDOW)


def reserve_quota_slot(session: Session, post: Post, *, limit: int) -> None:
    """The account must be locked. Errors: QuotaExceeded with the figures in `details`."""
    mode = post.kind.partition("_")[0]
    usage = QuotaSlots(session).count_slots(
        int(post.oauth_account_id or 0), KINDS_BY_MODE[mode], except_post_id=post.id
    )
    if usage.count >= limit:
        quota = quota_from_usage(usage, limit)
        raise QuotaExceeded(
            f"{usage.count} of {limit} slots are taken",
            details={"quota": quota.as_dict()},
            retry_after=max(quota.resets_at - usage.now, LOCK_RETRY_AFTER)
            if quota.resets_at
            else LOCK_RETRY_AFTER,
        )
    post.has_slot = True


# MERGED core.posts.unaudited: What an application may do before its platform has audited it: post for its creators' own eyes,
# and for five of them a day. Asks nobody.
#
# Source: TikTok, content-sharing-guidelines, read 2026-11-22. The account itself has to be private
# when it posts: only TikTok sees that for sure, so a form says it and TikTok judges it.

PRIVATE_LEVEL = "SELF_ONLY"
MAX_UNAUDITED_USERS = 5  # accounts that may post directly within 24 hours
USER_CAP_CODE = "reached_active_user_cap"
UNAUDITED_CODE = "unaudited_client_can_only_post_to_private_accounts"


def allowed_privacy_levels(tiktok: TikTokSettings, levels: tuple[str, ...]) -> tuple[str, ...]:
    """Of the audiences a creator allows, those that this application may use."""
    return (
        levels if tiktok.app_audited else tuple(level for level in levels if level == PRIVATE_LEVEL)
    )


def is_audience_refused(tiktok: TikTokSettings, *, mode: str, level: str | None) -> bool:
    """Whether the platform would refuse this audience, whoever its creator is."""
    return mode == "DIRECT" and not tiktok.app_audited and level != PRIVATE_LEVEL


def load_user_quota(session: Session) -> Quota:
    """Accounts that post directly today, through all of this installation."""
    return build_user_quota(
        list(QuotaSlots(session).list_posting_accounts(KINDS_BY_MODE["DIRECT"]).values())
    )


def build_user_quota(latest_posts: list[datetime]) -> Quota:
    return Quota(
        len(latest_posts),
        MAX_UNAUDITED_USERS,
        min(latest_posts) + QUOTA_WINDOW if latest_posts else None,
    )


def check_audit_limit(session: Session, post: Post, *, wait: bool) -> None:
    """Whether its account may be one of the five: who already is goes on.

    Nobody else is admitted until this transaction ends.
    Errors: Limited `reached_active_user_cap` with the figures; Later, instead of waiting.
    """
    if not QuotaSlots(session).lock_all_accounts(wait=wait):
        raise Snooze(LOCK_RETRY_AFTER, "somebody else is counting accounts")
    latest_posts = QuotaSlots(session).list_posting_accounts(KINDS_BY_MODE["DIRECT"])
    if post.oauth_account_id in latest_posts or len(latest_posts) < MAX_UNAUDITED_USERS:
        return
    quota = build_user_quota(list(latest_posts.values()))
    resets_in = quota.resets_at and quota.resets_at - QuotaSlots(session).now()
    raise RateLimitExceeded(
        f"{quota.used} of {MAX_UNAUDITED_USERS} accounts have posted today",
        code=USER_CAP_CODE,
        details={"users": quota.as_dict()},
        retry_after=max(resets_in or LOCK_RETRY_AFTER, LOCK_RETRY_AFTER),
    )


# MERGED core.posts.turn: A post's turn: a slot of its account and, before an audit, a place among the few who may post.
#
# Taken when it is wished, or when it falls due; what finds none waits for a day and no longer.

SLOT_RECHECK_INTERVAL = timedelta(minutes=5)


def reserve_slot(session: Session, post: Post, *, wait: bool = True) -> None:
    """The account must be locked. Errors: QuotaExceeded; Limited; without `wait` also Later."""
    if UNAUDITED in post.memo and post.kind.startswith("DIRECT"):
        check_audit_limit(session, post, wait=wait)
    reserve_quota_slot(session, post, limit=int(post.memo[SLOT_LIMIT]))


def reserve_due_slot(session: Session, post: Post) -> None:
    """For a post that was to wait: its slot, now that it is due.

    Errors: Later until there is one; Failed with the limit's code after a day of waiting.
    """
    if post.has_slot or post.oauth_account_id is None:
        return
    if not QuotaSlots(session).lock_account(post.oauth_account_id, wait=False):
        raise Snooze(LOCK_RETRY_AFTER, "somebody else is counting slots")
    try:
        reserve_slot(session, post, wait=False)
    except (QuotaExceeded, RateLimitExceeded) as error:
        raise snooze_or_fail(session, post, error) from None


def snooze_or_fail(session: Session, post: Post, error: CoreError) -> Snooze | OperationFailed:
    waited = QuotaSlots(session).now() - (post.publish_at or post.created_at)
    if waited >= QUOTA_WINDOW:
        return OperationFailed("no slot became free within a day", code=error.code)
    return Snooze(
        min(error.retry_after or LOCK_RETRY_AFTER, SLOT_RECHECK_INTERVAL),
        f"waits for a slot: {error.code}",
    )
