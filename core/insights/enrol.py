"""Who is sampled: every live account that allows it, as long as this installation wants it."""

from core.bootstrap import Services
from core.insights.sampling_steps import ANALYTICS_SCOPES, enabled_platforms
from db.insights.schedule import SamplingSchedules
from db.session import Database


def enrol_accounts(database: Database, services: Services) -> int:
    """How many accounts are sampled from now on, or again; the bell is rung for them.

    Where something was published since the last look, the next look is brought forward.
    """
    enabled_providers = enabled_platforms(services)
    scopes = {
        provider: scope
        for provider, scope in ANALYTICS_SCOPES.items()
        if enabled_providers.get(provider) and provider in services.platforms
    }
    if not scopes:
        return 0
    with database.transaction() as session:
        SamplingSchedules(session).request_listing_after_publish()
        enrolled_count = SamplingSchedules(session).enrol_accounts(scopes)
    if enrolled_count:
        services.wake("insights")
    return enrolled_count
