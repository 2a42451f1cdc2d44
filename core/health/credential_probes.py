"""Asks platforms whether they accept our credentials. A platform is asked again after minutes.

An invalid code is exchanged: the platform's error shows whether it knows our key and secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from core.bootstrap import Services
from core.errors import CoreError
from core.health.known_facts import KnownFacts
from platforms.errors import AppRefused, PlatformError
from platforms.logins import LoginFlow

PROBE_CODE = "signalpost-doctor"  # an authorization code that no platform has issued
ANSWER_LIFETIME, NO_ANSWER_LIFETIME = 300.0, 30.0  # seconds
PROBE_TIMEOUT = 10.0  # seconds that a request waits for all platforms together
NO_ANSWER = "no_answer"
"""Code of a platform that did not answer in time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CredentialVerdict:
    """Whether a platform accepts our credentials; None: it could not be asked, `code` says why."""

    accepted: bool | None
    code: str | None = None
    message: str = ""


@dataclass(frozen=True)
class CredentialProbe:
    verdict: CredentialVerdict
    probed_at: datetime


def try_credentials(flow: LoginFlow) -> CredentialVerdict:
    """Exchange the invalid code, which calls the platform."""
    try:
        flow.exchange_code(PROBE_CODE)
    except AppRefused as error:
        return CredentialVerdict(False, error.code)
    except (PlatformError, CoreError) as error:
        if error.retryable:
            return CredentialVerdict(None, error.code, str(error))
    return CredentialVerdict(True)


class CredentialProbes:
    """The probes of a process: at most one call at a time to each platform, and few of them.

    What is kept names the platform and holds no credential.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known = {
            name: KnownFacts(
                f"probe-{name}",
                partial(self._probe, name, adapter.flow),
                max_age=answer_lifetime,
                time_limit=PROBE_TIMEOUT,
            )
            for name, adapter in services.adapters.items()
            if adapter.flow is not None
        }

    def probe_all(self) -> Mapping[str, CredentialProbe]:
        """Platform → what it said, now or a few minutes ago. Platforms that are off are left out.

        Takes `PROBE_TIMEOUT` at most; a call that has not ended by then goes on and is kept.
        """
        for known in self._known.values():
            known.prepare()
        return {name: self._read(known) for name, known in self._known.items()}

    def _probe(self, name: str, flow: LoginFlow) -> CredentialProbe:
        verdict = try_credentials(flow)
        log.info("credentials.probed", platform=name, accepted=verdict.accepted, code=verdict.code)
        return CredentialProbe(verdict, self._services.now())

    def _read(self, known: KnownFacts[CredentialProbe]) -> CredentialProbe:
        fact = known.read()
        if fact.value is None or not fact.is_current:
            return CredentialProbe(CredentialVerdict(None, NO_ANSWER), self._services.now())
        return fact.value


def answer_lifetime(probe: CredentialProbe) -> float:
    """Return for how many seconds a probe is kept: less if the platform could not be asked."""
    return NO_ANSWER_LIFETIME if probe.verdict.accepted is None else ANSWER_LIFETIME
