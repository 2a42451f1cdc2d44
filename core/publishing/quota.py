"""Quota slots of posts: how many an account may have, reserving one, and the stricter limits before
TikTok has audited this application.

TikTok's rules: five drafts that the creator has not posted yet, fifteen direct posts a day. A slot
is reserved with the account locked, so that parallel requests cannot exceed the limit. A queued
post without a slot is snoozed for up to 24 hours, then failed.

Before an audit an application may only make posts that their creators alone can see, and for five
creators a day. The account itself has to be private when it posts: only TikTok can check that, so
the upload form asks for it. Source: TikTok, content-sharing-guidelines, read 2026-11-22.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.errors import CoreError, OperationFailed, QuotaExceeded, RateLimitExceeded
from core.outcomes import Snooze
from core.post_state.step_state import SLOT_LIMIT, UNAUDITED
from db.posts.posts import Post, mode_of_kind
from db.posts.quota_slots import QUOTA_WINDOW, QuotaSlots, SlotUsage
from db.session import Session

KINDS_BY_MODE = {
    "INBOX": ("INBOX_VIDEO", "INBOX_PHOTO"),
    "DIRECT": ("DIRECT_VIDEO", "DIRECT_PHOTO"),
}
LOCK_RETRY_AFTER = timedelta(seconds=1)
SLOT_RECHECK_INTERVAL = timedelta(minutes=5)  # longest wait before a free slot is looked for again

PRIVATE_LEVEL = "SELF_ONLY"
MAX_UNAUDITED_ACCOUNTS = 5  # that may post directly within 24 hours; TikTok says users
ACCOUNT_CAP_CODE = "reached_active_user_cap"
UNAUDITED_CODE = "unaudited_client_can_only_post_to_private_accounts"


@dataclass(frozen=True)
class Quota:
    used: int
    limit: int
    resets_at: datetime | None  # when the oldest slot in use is a day old; None if none is in use

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


def slot_limits(tiktok: Any) -> dict[str, int]:
    return {"INBOX": tiktok.pending_limit, "DIRECT": tiktok.direct_daily_limit}


def load_quota(session: Session, account_id: int, mode: str, *, limit: int) -> Quota:
    return quota_from_usage(QuotaSlots(session).count_slots(account_id, KINDS_BY_MODE[mode]), limit)


def load_posting_accounts_quota(session: Session) -> Quota:
    """Quota of accounts that may post directly in a day, before an audit of this application."""
    latest_posts = QuotaSlots(session).list_posting_accounts(KINDS_BY_MODE["DIRECT"])
    return build_posting_accounts_quota(latest_posts.values())


def allowed_privacy_levels(tiktok: Any, levels: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the creator's privacy levels that this application may use."""
    if tiktok.app_audited:
        return levels
    return tuple(level for level in levels if level == PRIVATE_LEVEL)


def is_audience_refused(tiktok: Any, *, mode: str, level: str | None) -> bool:
    """Whether TikTok would refuse this privacy level from this application, for any creator."""
    return mode == "DIRECT" and not tiktok.app_audited and level != PRIVATE_LEVEL


def reserve_due_slot(session: Session, post: Post) -> None:
    """Reserve the slot of a post that was stored without one, now that it is due.

    Errors: Snooze until a slot is free; OperationFailed with the limit's code after a day.
    """
    if post.has_slot or post.oauth_account_id is None:
        return
    if not QuotaSlots(session).lock_account(post.oauth_account_id, wait=False):
        raise Snooze(LOCK_RETRY_AFTER, "another transaction is counting the account's slots")
    try:
        reserve_slot(session, post, wait=False)
    except (QuotaExceeded, RateLimitExceeded) as error:
        raise snooze_or_fail(session, post, error) from None


def snooze_or_fail(session: Session, post: Post, error: CoreError) -> Snooze | OperationFailed:
    """The exception for a post that found no free slot."""
    waited = QuotaSlots(session).now() - (post.publish_at or post.created_at)
    if waited >= QUOTA_WINDOW:
        return OperationFailed("no quota slot became free within 24 hours", code=error.code)
    return Snooze(
        min(error.retry_after or LOCK_RETRY_AFTER, SLOT_RECHECK_INTERVAL),
        f"no quota slot is free: {error.code}",
    )


def reserve_slot(session: Session, post: Post, *, wait: bool = True) -> None:
    """Reserve a slot for the post. The account must be locked.

    Errors: QuotaExceeded; RateLimitExceeded; without `wait` also Snooze.
    """
    if UNAUDITED in post.step_state and mode_of_kind(post.kind) == "DIRECT":
        check_audit_limit(session, post, wait=wait)
    reserve_quota_slot(session, post, limit=int(post.step_state[SLOT_LIMIT]))


def reserve_quota_slot(session: Session, post: Post, *, limit: int) -> None:
    """The account must be locked. Errors: QuotaExceeded with the quota in `details`."""
    usage = QuotaSlots(session).count_slots(
        int(post.oauth_account_id or 0),
        KINDS_BY_MODE[mode_of_kind(post.kind)],
        except_post_id=post.id,
    )
    if usage.count >= limit:
        quota = quota_from_usage(usage, limit)
        raise QuotaExceeded(
            f"{usage.count} of {limit} quota slots of the account are in use",
            details={"quota": quota.as_dict()},
            retry_after=time_until_reset(quota, usage.now),
        )
    post.has_slot = True


def quota_from_usage(usage: SlotUsage, limit: int) -> Quota:
    resets_at = None if usage.oldest is None else usage.oldest + QUOTA_WINDOW
    return Quota(usage.count, limit, resets_at)


def check_audit_limit(session: Session, post: Post, *, wait: bool) -> None:
    """Check that the account is one of the five that may post today, or can become one.

    Locks the count, so that no other account is admitted until this transaction ends.
    Errors: RateLimitExceeded `reached_active_user_cap` with the quota in `details`; Snooze without
    `wait` if another transaction is counting.
    """
    if not QuotaSlots(session).lock_all_accounts(wait=wait):
        raise Snooze(LOCK_RETRY_AFTER, "another transaction is counting the posting accounts")
    latest_posts = QuotaSlots(session).list_posting_accounts(KINDS_BY_MODE["DIRECT"])
    if post.oauth_account_id in latest_posts or len(latest_posts) < MAX_UNAUDITED_ACCOUNTS:
        return
    quota = build_posting_accounts_quota(latest_posts.values())
    raise RateLimitExceeded(
        f"{quota.used} of {quota.limit} accounts have posted today, before TikTok's audit",
        code=ACCOUNT_CAP_CODE,
        details={"users": quota.as_dict()},
        retry_after=time_until_reset(quota, QuotaSlots(session).now()),
    )


def build_posting_accounts_quota(latest_posts: Collection[datetime]) -> Quota:
    """The quota from the time of each posting account's latest post."""
    resets_at = min(latest_posts) + QUOTA_WINDOW if latest_posts else None
    return Quota(len(latest_posts), MAX_UNAUDITED_ACCOUNTS, resets_at)


def time_until_reset(quota: Quota, now: datetime) -> timedelta:
    """How long to wait for a free slot; `LOCK_RETRY_AFTER` at least."""
    if quota.resets_at is None:
        return LOCK_RETRY_AFTER
    return max(quota.resets_at - now, LOCK_RETRY_AFTER)
