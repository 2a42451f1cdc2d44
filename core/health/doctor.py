"""The checks of `signalpost doctor`: faults of this installation, each with its remedy.

No check changes anything or shows a secret.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from core.bootstrap import Services
from core.errors import Misconfigured
from core.health.alert_checks import check_alarm
from core.health.broker_checks import check_brokers
from core.health.credential_probes import try_credentials
from core.health.database_checks import check_database, find_advice
from core.health.doctor_check import DoctorCheck
from core.health.mail_checks import check_mails
from core.health.media_checks import check_media
from core.health.readiness import Readiness, platform_states
from core.health.removal_checks import check_removal_list
from core.health.replica_checks import check_replica
from db.session import Database, find_database_fault
from platforms.errors import PlatformError
from platforms.http import SAFE_RETRY, HttpClient
from platforms.logins import LoginFlow
from platforms.registry import PLATFORMS

HTTP_OK, HTTP_FORBIDDEN, HTTP_METHOD_NOT_ALLOWED = 200, 403, 405
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
CONSENT_PAGE_ADVICE = (
    "nothing suspicious; if the platform shows its own error page when an account is "
    "connected, key, redirect URI or scopes differ from its portal"
)


def settings_checks(error: Misconfigured) -> Iterator[DoctorCheck]:
    """Faults of settings that keep every process from starting."""
    for name, problem in error.details.get("settings", {"settings": str(error)}).items():
        yield DoctorCheck(
            name, ok=False, message=problem, advice="set it in the environment or in .env"
        )


def run_checks(
    database: Database,
    services: Services,
    readiness: Readiness,
    *,
    probe: bool,
    find_broker_fault: Callable[[], str | None],
) -> Iterator[DoctorCheck]:
    """Run all checks. `probe` also sends our credentials to the platforms."""
    yield DoctorCheck(
        "settings", ok=True, message=f"{len(services.settings.configured_names)} settings are set"
    )
    yield check_encryption(services)
    yield from guard_checks("database", check_database(database, services))
    yield from guard_checks("replica", check_replica(services))
    yield from guard_checks("broker", check_brokers(services, find_broker_fault))
    yield from guard_checks("work", check_work(readiness))
    yield from guard_checks("alarm", check_alarm(database, services))
    yield from guard_checks("mails", check_mails(services))
    yield from guard_checks("erasure list", check_removal_list(services))
    yield from guard_checks("media", check_media(services))
    yield from list_platform_states(services)
    yield from check_redirect_uris(services)
    yield from check_registrations(services)
    yield from guard_checks("reachable", check_reachability(services, HttpClient()))
    if probe:
        yield from guard_checks("credentials", check_credentials(services))


def guard_checks(name: str, checks: Iterator[DoctorCheck]) -> Iterator[DoctorCheck]:
    """The checks, and one more fault if they cannot go on, so that the others still follow."""
    try:
        yield from checks
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of this installation
        fault = find_database_fault(error)
        reason = fault or f"could not be tried ({type(error).__name__})"
        advice = find_advice(fault) if fault else "look for the cause in the logs, and report it"
        yield DoctorCheck(name, ok=False, message=reason, advice=advice)


def check_encryption(services: Services) -> DoctorCheck:
    is_valid = services.key_ring.is_usable()
    return DoctorCheck(
        "encryption",
        is_valid,
        f"current key: {services.key_ring.current_key_id}",
        "" if is_valid else "check TOKEN_ENCRYPTION_KEY or TOKEN_ENCRYPTION_KEYS",
    )


def check_work(readiness: Readiness) -> Iterator[DoctorCheck]:
    """Faults of the schema, and due work that is not done."""
    report = readiness.report()
    for fault in report.schema_faults:
        yield DoctorCheck("work", ok=False, message=fault, advice="run `signalpost migrate up`")
    advice = "check that beat and the workers run (`signalpost up`, or the Procfile)"
    for fault in report.worker_faults:
        yield DoctorCheck("work", ok=False, message=fault, advice=advice)


def list_platform_states(services: Services) -> Iterator[DoctorCheck]:
    """Whether each platform is on. Being off is a choice, not a fault."""
    for name, state in sorted(platform_states(services).items()):
        yield DoctorCheck(name, ok=True, message=state)


def check_redirect_uris(services: Services) -> Iterator[DoctorCheck]:
    for name, app in services.settings.apps.items():
        expected_uri = f"{services.settings.public_url}/api/auth/{name}/callback"
        advice = f"set it to {expected_uri}, and register the same URI at {name} byte for byte"
        is_expected = app.redirect_uri == expected_uri
        yield DoctorCheck(
            f"{name} redirect", is_expected, app.redirect_uri, "" if is_expected else advice
        )


def check_registrations(services: Services) -> Iterator[DoctorCheck]:
    """Settings that the platform would refuse on its own error page, without a response to us."""
    for name, platform in services.adapters.items():
        warnings = "; ".join((*platform.config_warnings, *find_settings_warnings(name, services)))
        advice = f"compare with the portal of {name}" if warnings else ""
        yield DoctorCheck(
            f"{name} registration", not warnings, warnings or CONSENT_PAGE_ADVICE, advice
        )


def find_settings_warnings(name: str, services: Services) -> tuple[str, ...]:
    """Sentences about settings that depend on the date or on our URL, such as the end of a version
    of the API.
    """
    find_warnings = PLATFORMS[name].find_config_warnings
    if find_warnings is None:
        return ()
    settings = services.settings
    return find_warnings(settings.of_platform(name), services.now(), settings.public_url)


def check_reachability(services: Services, http: HttpClient) -> Iterator[DoctorCheck]:
    public_url = services.settings.public_url
    if urlsplit(public_url).hostname in LOOPBACK_HOSTS:
        yield DoctorCheck(
            "webhooks",
            ok=True,
            message=f"{public_url} is a loopback address, which no platform can reach",
        )
        return
    is_https = public_url.startswith("https://")
    yield DoctorCheck(
        "https",
        is_https,
        public_url,
        "" if is_https else "platforms send webhooks to https:// only",
    )
    yield check_http_status(http, f"{public_url}/healthz", HTTP_OK)
    for name in services.adapters:
        webhook_url = f"{public_url}/api/webhooks/{name}"
        yield check_http_status(http, webhook_url, HTTP_METHOD_NOT_ALLOWED, HTTP_FORBIDDEN)


def check_http_status(http: HttpClient, url: str, *statuses: int) -> DoctorCheck:
    try:
        answered_status = http.call("GET", url, endpoint="doctor", retry=SAFE_RETRY).status
    except PlatformError as error:
        return DoctorCheck(
            "reachable", ok=False, message=f"{url}: {error}", advice="check DNS and proxy"
        )
    is_expected = answered_status in statuses
    return DoctorCheck(
        "reachable",
        is_expected,
        f"{url}: answered {answered_status}",
        "" if is_expected else f"must answer {statuses[0]}: check the proxy",
    )


def check_credentials(services: Services) -> Iterator[DoctorCheck]:
    """Exchange an invalid code: the platform's error shows whether it accepts our credentials."""
    for name, adapter in services.adapters.items():
        if adapter.flow is not None:
            yield check_platform_credentials(name, adapter.flow)


def check_platform_credentials(name: str, flow: LoginFlow) -> DoctorCheck:
    verdict = try_credentials(flow)
    if verdict.accepted is None:
        return DoctorCheck(f"{name} credentials", ok=False, message=f"unknown: {verdict.message}")
    message = "are accepted" if verdict.accepted else "are refused"
    advice = "" if verdict.accepted else "compare key and secret with the portal of the platform"
    return DoctorCheck(f"{name} credentials", verdict.accepted, message, advice)
