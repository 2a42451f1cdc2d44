"""What is left of the limits of accounts, for their owner."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.bootstrap import Services
from core.publishing.quota import (
    Quota,
    is_rule_on,
    list_rule_kinds,
    load_posting_accounts_quota,
    read_rule_limit,
)
from core.publishing.quota_rules import is_counted_in_parts
from core.publishing.reported_limits import fetch_reported_limits
from core.publishing.targets import PostTarget, QuotaAccount, find_target
from db.publishing.usage_counts import Counted, LimitUsage, UsageKey, UsageRule, count_usage
from db.session import Database, Session, database_now
from platforms.platform import Platform, QuotaHold, QuotaRule, QuotaScope
from platforms.registry import PLATFORMS

Limits = Mapping[str, int]
Quotas = Mapping[str, Quota]
"""Both by the names of the quotas at their platform."""

COUNTED_BY_HOLD = {
    QuotaHold.STARTS: Counted.STARTS,
    QuotaHold.WHILE_PENDING: Counted.PENDING_SLOTS,
    QuotaHold.FOR_WINDOW: Counted.SLOTS,
}


@dataclass(frozen=True)
class RemainingQuota:
    """The quotas of an account by their names at the platform, and the time of the database."""

    target: PostTarget
    quotas: Quotas
    now: datetime


def get_remaining_quota(
    database: Database,
    services: Services,
    provider: str,
    *,
    user_id: int,
    account_id: int | None = None,
    destination_id: int | None = None,
) -> RemainingQuota:
    """The quotas of the account, or of the user's only account. Errors: as `find_target`.

    A limit that only the platform knows is asked for.
    """
    with database.transaction() as session:
        target = find_target(
            session,
            provider,
            user_id=user_id,
            account_id=account_id,
            destination_id=destination_id,
        )
    account = target.quota_account
    limits = load_limits(database, services, [account])
    with database.transaction() as session:
        quotas = count_quotas(session, limits)
        return RemainingQuota(target, quotas[account], database_now(session))


def load_limits(
    database: Database, services: Services, accounts: Iterable[QuotaAccount]
) -> dict[QuotaAccount, Limits]:
    """Load the limits of accounts; those that only the platform knows are asked for."""
    limits: dict[QuotaAccount, Limits] = {}
    for account in accounts:
        settings = services.settings.of_platform(account.provider)
        rules = PLATFORMS[account.provider].quotas.values()
        reported = fetch_reported_limits(database, services, account)
        limits[account] = {
            rule.name: reported.get(rule.name, read_rule_limit(rule, settings))
            for rule in rules
            if is_rule_on(rule, settings)
        }
    return limits


def count_quotas(
    session: Session, limits: Mapping[QuotaAccount, Limits]
) -> dict[QuotaAccount, Quotas]:
    """Count what these accounts have used of their limits, all of them by one statement."""
    account_ids: dict[str, list[int]] = {}
    for account in limits:
        account_ids.setdefault(account.provider, []).append(account.account_id)
    rules = [
        (PLATFORMS[name], rule) for name in account_ids for rule in PLATFORMS[name].quotas.values()
    ]
    counted = [to_usage_rule(*pair) for pair in rules if not is_of_application(pair[1])]
    usages = count_usage(session, counted, account_ids)
    of_application = {
        (platform.name, rule.name): load_posting_accounts_quota(
            session, rule, provider=platform.name
        )
        for platform, rule in rules
        if is_of_application(rule) and any(rule.name in own for own in limits.values())
    }
    return {
        account: {
            rule.name: of_application[account.provider, rule.name]
            if is_of_application(rule)
            else build_quota(account, rule, usages, limit=own[rule.name])
            for rule in PLATFORMS[account.provider].quotas.values()
            if rule.name in own
        }
        for account, own in limits.items()
    }


def is_of_application(rule: QuotaRule) -> bool:
    return rule.scope is QuotaScope.APPLICATION


def to_usage_rule(platform: Platform, rule: QuotaRule) -> UsageRule:
    counted = COUNTED_BY_HOLD[rule.hold]
    if rule.scope is QuotaScope.DESTINATION:
        is_in_parts = is_counted_in_parts(platform, rule.name)
        counted = Counted.PARTS if is_in_parts else Counted.POSTS
    return UsageRule(
        platform.name, rule.name, counted, list_rule_kinds(platform, rule), rule.window
    )


def build_quota(
    account: QuotaAccount, rule: QuotaRule, usages: Mapping[UsageKey, LimitUsage], *, limit: int
) -> Quota:
    """Return a login's or a destination's quota; `usages` are of several."""
    is_of_login = rule.scope is QuotaScope.LOGIN
    destination_id = None if is_of_login else account.destination_id
    key = UsageKey(account.provider, rule.name, account.account_id, destination_id)
    usage = usages.get(key, LimitUsage())
    resets_at = None if usage.oldest is None else usage.oldest + rule.window
    return Quota(usage.count, limit, resets_at)
