"""Asks a platform for the limits of an account that it alone knows."""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from core.accounts.posting_tokens import get_destination_token
from core.bootstrap import Services
from core.errors import CoreError
from core.outcomes import Park, Snooze
from core.publishing.targets import QuotaAccount
from db.session import Database
from platforms.errors import PlatformError
from platforms.registry import PLATFORMS

LIMITS_LIFETIME = timedelta(seconds=60)

log = structlog.get_logger(__name__)


def fetch_reported_limits(
    database: Database, services: Services, account: QuotaAccount
) -> Mapping[str, int]:
    """Return the account's limits by the names of the quotas; none that are not known now.

    The platform is asked only if it has such limits, and not again within a minute: pages and host
    applications ask often, and its call limit is that of the posts too. The settings have a
    fallback for each.
    """
    provider, destination_id = account.provider, account.destination_id
    adapter = services.adapters.get(provider)
    publisher = None if adapter is None else adapter.step_publisher
    has_dynamic_rule = any(rule.is_dynamic for rule in PLATFORMS[provider].quotas.values())
    if publisher is None or destination_id is None or not has_dynamic_rule:
        return {}
    known = list_reported_limits(services, account)
    if known is not None:
        return known
    try:
        with database.transaction() as session:
            token = get_destination_token(
                session, provider, account_id=account.account_id, destination_id=destination_id
            )
        secret, fallback = token.decrypt(services), token.decrypt_fallback(services)
        readings = services.circuits.call(
            provider,
            "read",
            lambda: publisher.fetch_quotas(account.external_id, secret, fallback),
        )
    except (CoreError, PlatformError, Park, Snooze) as error:
        log.info("quota.limits_unknown", provider=provider, error=type(error).__name__)
        return {}
    limits = {reading.name: reading.limit for reading in readings if reading.limit is not None}
    services.known_limits.add(limits_key(account), limits, lifetime=LIMITS_LIFETIME)
    return limits


def list_reported_limits(services: Services, account: QuotaAccount) -> Mapping[str, int] | None:
    """Return what the platform has reported in the last minute; None if it was not asked."""
    known: Mapping[str, int] | None = services.known_limits.get(limits_key(account))
    return known


def limits_key(account: QuotaAccount) -> tuple[str, int | None, str | None]:
    return (account.provider, account.destination_id, account.external_id)
