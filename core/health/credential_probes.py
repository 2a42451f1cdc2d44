"""Asks platforms whether they accept our credentials. A platform is asked again after minutes.

An invalid code is exchanged: the platform's error shows whether it knows our key and secret.
"""

from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import structlog

from core.bootstrap import Services
from core.errors import CoreError
from core.health.known_facts import SingleCall
from core.limits.timed_values import TimedValues
from platforms.errors import AppRefused, PlatformError
from platforms.logins import LoginFlow

PROBE_CODE = "signalpost-doctor"  # an authorization code that no platform has issued
ANSWER_LIFETIME = timedelta(minutes=5)
NO_ANSWER_LIFETIME = timedelta(seconds=30)
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
        self._known = TimedValues()
        self._calls = {name: SingleCall(f"probe-{name}") for name in services.adapters}
        self._running: dict[str, Future[CredentialProbe]] = {}
        self._lock = Lock()

    def probe_all(self) -> Mapping[str, CredentialProbe]:
        """Platform → what it said, now or a few minutes ago. Platforms that are off are left out.

        Takes `PROBE_TIMEOUT` at most; a call that has not ended by then goes on and is kept.
        """
        flows = {
            name: adapter.flow
            for name, adapter in self._services.adapters.items()
            if adapter.flow is not None
        }
        known = {name: self._known.get(name) for name in flows}
        running = {name: self._start(name, flows[name]) for name in flows if known[name] is None}
        wait(running.values(), PROBE_TIMEOUT)
        return {name: known[name] or self._read(running[name]) for name in flows}

    def _start(self, name: str, flow: LoginFlow) -> "Future[CredentialProbe]":
        """Ask the platform, or return the call of a request before this one that still runs."""
        with self._lock:
            running = self._running.get(name)
            if running is None or running.done():
                running = self._calls[name].start(lambda: self._probe(name, flow))
                self._running[name] = running
            return running

    def _probe(self, name: str, flow: LoginFlow) -> CredentialProbe:
        verdict = try_credentials(flow)
        log.info("credentials.probed", platform=name, accepted=verdict.accepted, code=verdict.code)
        probe = CredentialProbe(verdict, self._services.now())
        has_answer = verdict.accepted is not None
        self._known.add(name, probe, lifetime=ANSWER_LIFETIME if has_answer else NO_ANSWER_LIFETIME)
        return probe

    def _read(self, future: "Future[CredentialProbe]") -> CredentialProbe:
        if not future.done():
            return CredentialProbe(CredentialVerdict(None, NO_ANSWER), self._services.now())
        return future.result()
