"""Enrol accounts for sampling: every usable account whose scopes allow it."""

from core.bootstrap import Services
from core.insights.sampled_platforms import list_scope_sets, sampled_capabilities
from db.insights.schedule import SamplingSchedules
from db.records.sampling_targets import select_targets
from db.session import Database
from platforms.registry import PLATFORMS


def enrol_accounts(database: Database, services: Services) -> int:
    """Schedule accounts that are not sampled yet, and wake a worker. Return how many.

    Accounts that published something since their last listing are listed again at once. Does
    nothing for platforms of which nothing is to be sampled.
    """
    targets = [
        select_targets(name, scope_sets)
        for name in services.adapters
        if (platform := PLATFORMS.get(name)) is not None
        and platform.sampling is not None
        and (scope_sets := list_scope_sets(platform, sampled_capabilities(services, platform)))
    ]
    if not targets:
        return 0
    with database.transaction() as session:
        SamplingSchedules(session).request_listing_after_publish()
        enrolled_count = SamplingSchedules(session).enrol_accounts(targets)
    if enrolled_count:
        services.wake("insights")
    return enrolled_count
