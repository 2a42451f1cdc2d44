"""Quotas that count the posts of a destination: how much of them is used, and reserving a slot.

Those of logins and of the whole application are in `quota.py`.

A slot is reserved with the login locked, so that parallel posts cannot exceed a limit. A post
without a free slot is snoozed for up to 24 hours, then failed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.errors import OperationFailed
from core.outcomes import Snooze
from core.post_state.step_state import QUOTA_LIMITS, QUOTA_RESETS_AT, without_key
from core.publishing.quota import (
    LOCK_RETRY_AFTER,
    SLOT_RECHECK_INTERVAL,
    Quota,
    read_rule_limit,
    time_until_reset,
)
from db.posts.posts import Post
from db.publishing.destination_usage import DestinationUsage
from db.publishing.quota_slots import QUOTA_WINDOW, QuotaSlots
from db.session import Session, database_now
from platforms.platform import Platform, QuotaRule, QuotaScope
from platforms.publishing import PostKind
from platforms.registry import PLATFORMS

PENDING_POSTS_WAIT = timedelta(seconds=30)
"""How long a post waits if only posts that are still pending use up the quota."""


@dataclass(frozen=True)
class QuotaUse:
    """One quota of a post's destination, and how much of it the post needs."""

    rule: QuotaRule
    quota: Quota
    need: int

    @property
    def has_room(self) -> bool:
        return self.quota.used + self.need <= self.quota.limit


def reserve_due_quotas(session: Session, post: Post) -> None:
    """Reserve the slot of a post that is due; its limits are known.

    Errors: Snooze until a slot is free; OperationFailed with the quota's code after a day.
    """
    if post.has_slot or post.oauth_account_id is None:
        return
    if not QuotaSlots(session).lock_account(post.oauth_account_id, wait=False):
        raise Snooze(LOCK_RETRY_AFTER, "another transaction is counting the account's slots")
    for use in list_quota_uses(session, post, post.step_state[QUOTA_LIMITS]):
        if not use.has_room:
            raise snooze_or_refuse(post, use, database_now(session))
    post.has_slot = True
    post.step_state = without_key(post.step_state, QUOTA_RESETS_AT)


def snooze_or_refuse(post: Post, use: QuotaUse, now: datetime) -> Snooze | OperationFailed:
    if now - (post.publish_at or post.created_at) >= QUOTA_WINDOW:
        message = "no quota slot became free within 24 hours"
        return OperationFailed(message, code=use.rule.code)
    wait = PENDING_POSTS_WAIT
    if use.quota.resets_at is not None:
        resets_at = use.quota.resets_at.isoformat()
        post.step_state = {**post.step_state, QUOTA_RESETS_AT: resets_at}
        wait = min(time_until_reset(use.quota, now), SLOT_RECHECK_INTERVAL)
    return Snooze(wait, f"no quota slot is free: {use.rule.code}")


def list_quota_uses(session: Session, post: Post, limits: Mapping[str, int]) -> Iterator[QuotaUse]:
    """The quotas with these limits, as far as the post's destination has used them."""
    platform = PLATFORMS[post.provider]
    usage = DestinationUsage(session, post)
    for name, limit in limits.items():
        rule = platform.quotas[name]
        if is_counted_in_parts(platform, name):
            used = usage.count_parts(window=rule.window)
            need = usage.count_own_need()
        else:
            used = usage.count_posts(list_kinds_with_quota(platform, name), window=rule.window)
            need = 1
        resets_at = None if used.oldest is None else used.oldest + rule.window
        yield QuotaUse(rule, Quota(used.count, int(limit), resets_at), need)


def list_destination_rules(platform: Platform, kind: PostKind) -> list[QuotaRule]:
    """The quotas of the kind that count the posts of a destination."""
    rules = [platform.quotas[name] for name in kind.quotas]
    return [rule for rule in rules if rule.scope is QuotaScope.DESTINATION]


def is_counted_in_parts(platform: Platform, quota_name: str) -> bool:
    """Whether the quota limits what the platform makes for posts, such as containers."""
    return any(isinstance(kind.quotas.get(quota_name), str) for kind in platform.kinds.values())


def list_kinds_with_quota(platform: Platform, quota_name: str) -> list[str]:
    return [kind.name for kind in platform.kinds.values() if quota_name in kind.quotas]


def load_quotas(session: Session, settings: Any, post: Post) -> dict[str, Quota]:
    """The quotas that limit the post, by name; limits that were not asked for yet are those of
    the platform's settings.
    """
    platform = PLATFORMS[post.provider]
    rules = list_destination_rules(platform, platform.kinds[post.kind])
    limits = {rule.name: read_rule_limit(rule, settings) for rule in rules}
    limits |= post.step_state.get(QUOTA_LIMITS, {})
    return {use.rule.name: use.quota for use in list_quota_uses(session, post, limits)}
