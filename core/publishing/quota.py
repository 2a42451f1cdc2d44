"""Quota slots of logins and of the whole application: how many are in use, and reserving one.

A platform's `QuotaRule`s say which kinds of posts share a limit and how long each counts. A slot is
reserved with the account locked, so that parallel requests cannot exceed the limit. A queued post
without a slot is snoozed for up to 24 hours, then failed. A rule for the whole application limits
how many accounts may post; no account can influence it, so posts wait for it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.errors import CoreError, OperationFailed, QuotaExceeded, RateLimitExceeded
from core.outcomes import Snooze
from core.post_state.step_state import SLOT_LIMIT, UNAUDITED
from db.posts.posts import Post
from db.publishing.quota_slots import QUOTA_WINDOW, QuotaSlots, SlotUsage
from db.session import Session
from platforms.platform import Platform, QuotaHold, QuotaRule, QuotaScope
from platforms.registry import PLATFORMS

LOCK_RETRY_AFTER = timedelta(seconds=1)
SLOT_RECHECK_INTERVAL = timedelta(minutes=5)  # longest wait before a free slot is looked for again

APP_LIMIT_CODES = frozenset(
    rule.code
    for platform in PLATFORMS.values()
    for rule in platform.quotas.values()
    if rule.scope is QuotaScope.APPLICATION
)
"""Limits of the whole application, which no account can influence: the post waits."""

LIMIT_CODES = frozenset({"rate_limit_exceeded"}) | {
    rule.code for platform in PLATFORMS.values() for rule in platform.quotas.values()
}
"""Errors that end after some time. A request refused with one of them leaves no post behind."""


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


def find_rule(post_kind: str, provider: str, scope: QuotaScope) -> QuotaRule | None:
    """Return the rule of this scope whose slots posts of this kind take."""
    platform = PLATFORMS[provider]
    kind = platform.kinds.get(post_kind)
    rules = [platform.quotas[name] for name in (kind.quotas if kind else ())]
    return next((rule for rule in rules if rule.scope is scope), None)


def find_slot_rule(provider: str, post_kind: str) -> QuotaRule | None:
    """Return the rule of the kind that counts posts of a login; None if it has no such rule."""
    return find_rule(post_kind, provider, QuotaScope.LOGIN)


def is_rule_on(rule: QuotaRule, settings: Any) -> bool:
    """Whether a rule applies; a setting may switch it off."""
    return rule.off_setting is None or not getattr(settings, rule.off_setting)


def read_rule_limit(rule: QuotaRule, settings: Any) -> int:
    return int(rule.limit if rule.limit is not None else getattr(settings, rule.limit_setting))


def list_rule_kinds(platform: Platform, rule: QuotaRule) -> tuple[str, ...]:
    """Return the kinds of posts that share the rule's limit."""
    return tuple(kind.name for kind in platform.kinds.values() if rule.name in kind.quotas)


def load_quota(
    session: Session, account_id: int, rule: QuotaRule, *, provider: str, limit: int
) -> Quota:
    """Count what a rule for logins counts."""
    slots = QuotaSlots(session)
    if rule.hold is QuotaHold.STARTS:
        starts = slots.count_starts(account_id, within=rule.window)
        resets_at = None if starts.oldest is None else starts.oldest + rule.window
        return Quota(starts.count, limit, resets_at)
    kinds = list_rule_kinds(PLATFORMS[provider], rule)
    usage = slots.count_slots(account_id, kinds, while_pending=rule.hold is QuotaHold.WHILE_PENDING)
    return quota_from_usage(usage, limit)


def load_posting_accounts_quota(session: Session, rule: QuotaRule, *, provider: str) -> Quota:
    """Count the accounts that have posted, for a rule of the whole application."""
    kinds = list_rule_kinds(PLATFORMS[provider], rule)
    latest_posts = QuotaSlots(session).list_posting_accounts(kinds)
    return build_posting_accounts_quota(latest_posts.values(), limit=int(rule.limit or 0))


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
    rule = find_slot_rule(post.provider, post.kind)
    if rule is None:
        return
    app_rule = find_rule(post.kind, post.provider, QuotaScope.APPLICATION)
    if UNAUDITED in post.step_state and app_rule is not None:
        check_application_limit(session, post, app_rule, wait=wait)
    reserve_quota_slot(session, post, rule, limit=int(post.step_state[SLOT_LIMIT]))


def reserve_quota_slot(session: Session, post: Post, rule: QuotaRule, *, limit: int) -> None:
    """The account must be locked. Errors: QuotaExceeded with the quota in `details`."""
    usage = QuotaSlots(session).count_slots(
        int(post.oauth_account_id or 0),
        list_rule_kinds(PLATFORMS[post.provider], rule),
        while_pending=rule.hold is QuotaHold.WHILE_PENDING,
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


def check_application_limit(session: Session, post: Post, rule: QuotaRule, *, wait: bool) -> None:
    """Check that the account is one of those that may post today, or can become one.

    Locks the count, so that no other account is admitted until this transaction ends.
    Errors: RateLimitExceeded with the rule's code and the quota in `details`; Snooze without `wait`
    if another transaction is counting.
    """
    if not QuotaSlots(session).lock_all_accounts(wait=wait):
        raise Snooze(LOCK_RETRY_AFTER, "another transaction is counting the posting accounts")
    kinds = list_rule_kinds(PLATFORMS[post.provider], rule)
    latest_posts = QuotaSlots(session).list_posting_accounts(kinds)
    limit = int(rule.limit or 0)
    if post.oauth_account_id in latest_posts or len(latest_posts) < limit:
        return
    quota = build_posting_accounts_quota(latest_posts.values(), limit=limit)
    raise RateLimitExceeded(
        f"{quota.used} of {quota.limit} accounts of this application have posted today",
        code=rule.code,
        details={rule.name: quota.as_dict()},
        retry_after=time_until_reset(quota, QuotaSlots(session).now()),
    )


def build_posting_accounts_quota(latest_posts: Collection[datetime], *, limit: int) -> Quota:
    """The quota from the time of each posting account's latest post."""
    resets_at = min(latest_posts) + QUOTA_WINDOW if latest_posts else None
    return Quota(len(latest_posts), limit, resets_at)


def time_until_reset(quota: Quota, now: datetime) -> timedelta:
    """How long to wait for a free slot; `LOCK_RETRY_AFTER` at least."""
    if quota.resets_at is None:
        return LOCK_RETRY_AFTER
    return max(quota.resets_at - now, LOCK_RETRY_AFTER)
