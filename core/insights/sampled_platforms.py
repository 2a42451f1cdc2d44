"""Which platforms are sampled, and what an account's scopes allow there."""

from collections.abc import Iterable
from datetime import timedelta

from core.bootstrap import Services
from core.outcomes import Park
from db.accounts.accounts import Account
from platforms.adapter import Adapter
from platforms.insights_base import Insights
from platforms.platform import Platform
from platforms.publishing import Capability
from platforms.registry import PLATFORMS
from platforms.sampling import SamplingRules

INSIGHTS_OFF = "insights are off"


def get_rules(provider: str) -> SamplingRules:
    """Return the rhythm of a platform. Errors: Park if nothing of it is sampled."""
    rules = PLATFORMS[provider].sampling
    if rules is None:
        raise Park(INSIGHTS_OFF)
    return rules


def are_insights_enabled(services: Services, provider: str) -> bool:
    """Whether the settings allow metrics of this platform."""
    rules = PLATFORMS[provider].sampling
    settings = services.settings.of_platform(provider)
    return rules is not None and bool(getattr(settings, rules.enabled_setting))


def list_interval(services: Services, provider: str) -> timedelta | None:
    """Return the time between two listings; None if it follows from the age of the posts."""
    name = get_rules(provider).list_interval_setting
    interval: timedelta | None = (
        None if name is None else getattr(services.settings.of_platform(provider), name)
    )
    return interval


def sampled_capabilities(services: Services, platform: Platform) -> frozenset[Capability]:
    """What is read in the background: metrics if they are switched on, and comments."""
    wanted = {Capability.COMMENTS}
    if are_insights_enabled(services, platform.name):
        wanted.add(Capability.INSIGHTS)
    return platform.capabilities & wanted


def list_scope_sets(platform: Platform, capabilities: Iterable[Capability]) -> set[frozenset[str]]:
    """Return the sets of scopes, each of which allows one of the capabilities in one login."""
    return {
        rules.scopes[capability]
        for rules in platform.flows.values()
        for capability in capabilities
        if capability in rules.scopes
    }


def is_capability_granted(account: Account, capability: Capability) -> bool:
    granted = set(split_scopes(account))
    scope_sets = list_scope_sets(PLATFORMS[account.provider], (capability,))
    return any(scopes <= granted for scopes in scope_sets)


def split_scopes(account: Account) -> tuple[str, ...]:
    return tuple(scope.strip() for scope in account.scope.split(","))


def find_sampled_adapter(services: Services, provider: str) -> tuple[Adapter, Insights]:
    """Return the platform's adapter. Errors: Park while nothing of the platform is sampled."""
    adapter = services.adapters.get(provider)
    if (
        adapter is None
        or adapter.insights is None
        or not sampled_capabilities(services, PLATFORMS[provider])
    ):
        raise Park(INSIGHTS_OFF)
    return adapter, adapter.insights
