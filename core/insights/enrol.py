"""Enrol accounts for sampling: every active account whose scopes allow it."""

from core.bootstrap import Services
from core.insights.sampling_steps import ANALYTICS_SCOPES, enabled_platforms
from db.insights.schedule import SamplingSchedules
from db.session import Database


def enrol_accounts(database: Database, services: Services) -> int:
    """Schedule accounts that are not sampled yet, and wake a worker. Return how many.

    Accounts that published something since their last listing are listed again at once. Does
    nothing for platforms whose insights are switched off.
    """
    enabled_providers = enabled_platforms(services)
    scopes = {
        provider: scope
        for provider, scope in ANALYTICS_SCOPES.items()
        if enabled_providers.get(provider) and provider in services.adapters
    }
    if not scopes:
        return 0
    with database.transaction() as session:
        SamplingSchedules(session).request_listing_after_publish()
        enrolled_count = SamplingSchedules(session).enrol_accounts(scopes)
    if enrolled_count:
        services.wake("insights")
    return enrolled_count
