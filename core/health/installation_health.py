"""Whether stores and platforms are healthy, with the accounts of each platform in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.bootstrap import Services
from core.health.credential_probes import CredentialProbe
from core.health.readiness import Readiness
from db.ops.login_health import LoginHealth, list_login_health
from db.session import Database
from platforms.registry import PLATFORMS


class Health(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"  # something needs a look, and work goes on
    UNHEALTHY = "unhealthy"  # something does not work


SEVERITY = tuple(Health)
"""From good to bad."""


@dataclass(frozen=True)
class StoreHealth:
    """`fault` says why, without a secret; None if there is none."""

    health: Health
    fault: str | None = None


@dataclass(frozen=True)
class PlatformHealth:
    """`logins` None: no account is connected. `probe` None: its credentials were not tried."""

    health: Health
    missing_settings: Sequence[str]
    logins: LoginHealth | None
    probe: CredentialProbe | None

    @property
    def is_configured(self) -> bool:
        return not self.missing_settings


@dataclass(frozen=True)
class InstallationHealth:
    database: StoreHealth
    redis: StoreHealth
    broker: StoreHealth
    platforms: Mapping[str, PlatformHealth]

    @property
    def health(self) -> Health:
        """The worst of its parts."""
        stores = [each.health for each in (self.database, self.redis, self.broker)]
        return find_worst([*stores, *(each.health for each in self.platforms.values())])


def read_installation_health(
    database: Database,
    services: Services,
    readiness: Readiness,
    *,
    probes: Mapping[str, CredentialProbe],
) -> InstallationHealth:
    """Assess what is known now; `probes` are what the platforms said of our credentials.

    Errors: DatabaseUnavailable.
    """
    report = readiness.report()
    with database.transaction() as session:
        logins = {each.provider: each for each in list_login_health(session)}
    traffic_fault = "; ".join(report.traffic_reasons) or None
    return InstallationHealth(
        database=assess_store(traffic_fault, when_faulty=Health.UNHEALTHY),
        redis=assess_store(services.redis.find_refusal(), when_faulty=Health.DEGRADED),
        broker=assess_store(
            None if report.broker else "does not answer", when_faulty=Health.DEGRADED
        ),
        platforms={
            name: assess_platform(
                services.settings.missing_names.get(name, ()), logins.get(name), probes.get(name)
            )
            for name in PLATFORMS
        },
    )


def assess_store(fault: str | None, *, when_faulty: Health) -> StoreHealth:
    """Without Redis or the broker work is slower and nothing is lost; without Postgres it stops."""
    return StoreHealth(Health.HEALTHY if fault is None else when_faulty, fault)


def assess_platform(
    missing_settings: Sequence[str], logins: LoginHealth | None, probe: CredentialProbe | None
) -> PlatformHealth:
    """A platform that is off is healthy, unless accounts are connected to it."""
    assessed = [assess_credentials(probe)]
    if logins is not None:
        assessed.append(Health(logins.status))
        if missing_settings and logins.active:
            assessed.append(Health.UNHEALTHY)
    return PlatformHealth(find_worst(assessed), missing_settings, logins, probe)


def assess_credentials(probe: CredentialProbe | None) -> Health:
    if probe is None or probe.verdict.accepted:
        return Health.HEALTHY
    return Health.DEGRADED if probe.verdict.accepted is None else Health.UNHEALTHY


def find_worst(assessed: Sequence[Health]) -> Health:
    return max(assessed, key=SEVERITY.index)
