"""What is left of the limits of an account, for its owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.bootstrap import Services
from core.publishing.quota import (
    Quota,
    is_rule_on,
    load_posting_accounts_quota,
    load_quota,
    read_rule_limit,
)
from core.publishing.quota_rules import list_quota_uses
from core.publishing.reported_limits import fetch_reported_limits
from core.publishing.targets import PostTarget, find_target
from db.posts.posts import Post
from db.session import Database, Session, database_now
from platforms.platform import QuotaRule, QuotaScope
from platforms.registry import PLATFORMS


@dataclass(frozen=True)
class RemainingQuota:
    """The quotas of an account by their names at the platform, and the time of the database."""

    target: PostTarget
    quotas: Mapping[str, Quota]
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
    settings = services.settings.of_platform(provider)
    rules = [rule for rule in PLATFORMS[provider].quotas.values() if is_rule_on(rule, settings)]
    with database.transaction() as session:
        target = find_target(
            session,
            provider,
            user_id=user_id,
            account_id=account_id,
            destination_id=destination_id,
        )
    limits = {rule.name: read_rule_limit(rule, settings) for rule in rules}
    limits |= fetch_reported_limits(database, services, target)
    with database.transaction() as session:
        quotas = {
            rule.name: count_quota(session, target, rule, limit=limits[rule.name]) for rule in rules
        }
        return RemainingQuota(target, quotas, database_now(session))


def count_quota(session: Session, target: PostTarget, rule: QuotaRule, *, limit: int) -> Quota:
    provider = target.account.provider
    if rule.scope is QuotaScope.APPLICATION:
        return load_posting_accounts_quota(session, rule, provider=provider)
    if rule.scope is QuotaScope.LOGIN:
        return load_quota(session, target.account.id, rule, provider=provider, limit=limit)
    new_post = Post(  # not stored: the quotas are those of its account
        id=0,
        provider=provider,
        oauth_account_id=target.account.id,
        destination_id=target.destination_id,
    )
    return next(iter(list_quota_uses(session, new_post, {rule.name: limit}))).quota
