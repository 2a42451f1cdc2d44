"""Builds `Services` and `Database` from the settings. Nothing connects before its first use.

The system's clock and random numbers enter here and are passed on as functions.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module

import structlog

from core import audit, breached_passwords
from core.config.roles import has_secret
from core.config.settings import Settings
from core.crypto import AbsentKeyRing, KeyRing
from core.errors import Misconfigured
from core.limits.circuit_proxy import wrap_adapters
from core.limits.circuits import Circuits
from core.limits.rate_limits import RateLimits, platform_rates
from core.limits.redis_client import (
    PATIENT_COOLDOWN_SECONDS,
    PATIENT_TIMEOUT_SECONDS,
    RedisClient,
)
from core.limits.timed_values import TimedValues
from core.media_store.directory import DirectoryStore
from core.media_store.store import MediaStore
from core.observability import metrics, telemetry, tracing
from core.removal_list import SESSION_KEY, RemovalList
from core.replica import Replica, ReplicaDatabases
from db.observed_statements import StatementKind
from db.session import Database
from platforms.adapter import Adapter
from platforms.base import WebhookAdapter
from platforms.http import HttpClient, create_public_session, create_session
from platforms.registry import PLATFORMS

# Connections per process. The web process needs one per thread and has two to spare; the event
# writer has a separate connection besides. Jobs open transactions one after another.
DATABASE_POOL_SIZES = {"web": 34, "monitor": 6}
DEFAULT_POOL_SIZE = 2
BUCKET_SCHEME = "s3://"
MAX_EXCERPT_BYTES = 4096  # of an endpoint's response; the log of attempts shows no more
MAX_PICTURE_BYTES = 2 * 1024 * 1024  # of an account's picture at its platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Services:
    """What use cases need besides a database session. Frozen, so that threads can share it."""

    settings: Settings
    adapters: Mapping[str, Adapter]
    public_http: HttpClient
    picture_http: HttpClient
    webhook_adapters: Mapping[str, WebhookAdapter]
    key_ring: KeyRing
    redis: RedisClient
    rate_limits: RateLimits
    patient_rate_limits: RateLimits  # waits longer: for requests that are refused without Redis
    circuits: Circuits
    media_store: MediaStore | None
    wake: Callable[[str], None]  # wakes a worker for one kind of jobs
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    replica: Replica | None = None  # None unless lists are read from one
    known_limits: TimedValues = field(default_factory=TimedValues)  # of accounts, as reported

    def get_adapter(self, name: str) -> Adapter:
        """Return the adapter of a platform.

        Errors: Misconfigured if the platform is off, with the settings it lacks.
        """
        if name in self.adapters:
            return self.adapters[name]
        missing = self.settings.missing_names.get(name, ())
        reason = f"{', '.join(missing)} missing" if missing else "not supported yet"
        raise Misconfigured(f"{name} is switched off: {reason}", details={"missing": list(missing)})

    @property
    def media(self) -> MediaStore:
        """Return the media store. Errors: Misconfigured if MEDIA_URL is not set."""
        if self.media_store is None:
            raise Misconfigured("MEDIA_URL is missing", details={"missing": ["MEDIA_URL"]})
        return self.media_store


def build_services(settings: Settings, *, wake: Callable[[str], None]) -> Services:
    """Build the services. `wake` sends a wake-up for a kind of jobs. Connects to nothing yet."""
    audit.connect_logging(log_action, telemetry.current_correlation_id)
    for name, app in settings.apps.items():
        if settings.is_production and app.legacy_webhooks:
            log.warning("webhooks.legacy_format_enabled", provider=name, reason="it is for tests")
    redis_client = RedisClient(settings.redis_url)
    patient_client = RedisClient(
        settings.redis_url,
        timeout_seconds=PATIENT_TIMEOUT_SECONDS,
        cooldown_seconds=PATIENT_COOLDOWN_SECONDS,
    )
    circuits = Circuits(redis_client, clock=lambda: utc_now().timestamp(), jitter=random.random)
    adapters = wrap_adapters(build_adapters(settings), circuits)
    return Services(
        settings=settings,
        adapters=adapters,
        public_http=build_public_http(settings),
        picture_http=build_public_http(settings, body_limit=MAX_PICTURE_BYTES + 1),
        webhook_adapters=build_webhook_adapters(settings),
        key_ring=build_key_ring(settings),
        redis=redis_client,
        rate_limits=RateLimits(redis_client, platform_rates(settings.platforms)),
        patient_rate_limits=RateLimits(patient_client, platform_rates(settings.platforms)),
        circuits=circuits,
        media_store=build_media_store(settings),
        wake=wake,
        now=utc_now,
        jitter=random.random,
        replica=build_replica(settings),
    )


def log_action(entry: audit.AuditedAction) -> None:
    log.info("audit", **vars(entry))


def build_media_store(settings: Settings) -> MediaStore | None:
    """Return the store of MEDIA_URL. Errors: Misconfigured if it needs a package that is absent."""
    url = settings.media_url
    if not url:
        return None
    if not url.startswith(BUCKET_SCHEME):
        return DirectoryStore(url, min_free_bytes=settings.limits.media_min_free_bytes)
    try:
        bucket = import_module("core.media_store.bucket")  # its client takes 20 MB of memory
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"MEDIA_URL=s3:// needs the package {error.name}: install signalpost[s3]"
        ) from error
    store: MediaStore = bucket.BucketStore(url, settings.media_bucket)
    return store


def utc_now() -> datetime:
    return datetime.now(UTC)


def build_adapters(settings: Settings) -> dict[str, Adapter]:
    """Build each platform with a separate HTTP client, which counts calls under its name."""
    return {
        name: PLATFORMS[name].build_adapter(app, HttpClient(observe=partial(observe_call, name)))
        for name, app in settings.apps.items()
    }


def observe_call(platform: str, endpoint: str, outcome: str, seconds: float) -> None:
    """Count a call to a platform, and record its span."""
    metrics.count_upstream_call(platform, endpoint, outcome, seconds)
    tracing.record_past_span(
        f"call {endpoint}", seconds=seconds, platform=platform, endpoint=endpoint, outcome=outcome
    )


def build_public_http(settings: Settings, *, body_limit: int = MAX_EXCERPT_BYTES) -> HttpClient:
    """Build an HTTP client for URLs of others: public hosts only, unless settings allow others, and
    none but those of OUTGOING_HOSTS, if it is set.
    """
    return HttpClient(
        observe=partial(metrics.count_upstream_call, "endpoint", status_label=metrics.status_class),
        body_limit=body_limit,
        session_factory=create_session
        if settings.endpoint_private_hosts
        else create_public_session,
        allowed_hosts=settings.outgoing_hosts,
    )


def build_webhook_adapters(settings: Settings) -> dict[str, WebhookAdapter]:
    """Platform → what verifies and parses its deliveries, as far as its settings suffice."""
    built = {
        name: platform.build_webhooks(settings.of_platform(name))
        for name, platform in PLATFORMS.items()
    }
    return {name: webhooks for name, webhooks in built.items() if webhooks is not None}


def build_database(settings: Settings, *, role: str) -> Database:
    """Build the database of a process with this role. Connects to nothing yet.

    Errors: Misconfigured if the role gets no DATABASE_URL (`core.config.roles`).
    """
    if not settings.database_url:
        raise Misconfigured(f"DATABASE_URL is not among the settings of the role {settings.role}")
    return Database(
        settings.database_url,
        pool_size=DATABASE_POOL_SIZES.get(role, DEFAULT_POOL_SIZE),
        application_name=f"signalpost-{role}",
        on_unavailable=metrics.DB_ERRORS.inc,
        token_guard=settings.limits.token_guard,
        info={
            SESSION_KEY: build_removal_list(settings),
            breached_passwords.SESSION_KEY: settings.breached_passwords,
        },
        observer=observe_statement if settings.tracing_endpoint else None,
    )


def observe_statement(kind: StatementKind, seconds: float, error: BaseException | None) -> None:
    """Record the span of a statement, if it belongs to a trace."""
    tracing.record_inner_span(
        f"{kind.operation} {kind.table or 'other'}",
        seconds=seconds,
        operation=kind.operation,
        table=kind.table,
        statements=kind.statements,
        error=error and type(error).__name__,
    )


def build_key_ring(settings: Settings) -> KeyRing:
    """Errors: Misconfigured if the role holds encryption keys and none is set."""
    if not has_secret(settings.role, "TOKEN_ENCRYPTION_KEYS"):
        return AbsentKeyRing()
    return KeyRing(settings.encryption_keys)


def build_replica(settings: Settings) -> Replica | None:
    """Build the replica for reads, if there is one. Connects to nothing yet."""
    if not settings.database_replica_url:
        return None
    role = settings.role

    def build(url: str, name: str, pool_size: int) -> Database:
        return Database(
            url,
            pool_size=pool_size,
            application_name=name,
            observer=observe_statement if settings.tracing_endpoint else None,
            read_only=True,
        )

    return Replica(
        ReplicaDatabases(
            primary=build(settings.database_url, f"signalpost-{role}-watch", 1),
            standby=build(settings.database_replica_url, f"signalpost-{role}-watch", 1),
            reads=build(
                settings.database_replica_url,
                f"signalpost-{role}-lists",
                DATABASE_POOL_SIZES.get(role, DEFAULT_POOL_SIZE),
            ),
        ),
        max_lag=settings.limits.replica_max_lag,
    )


def build_removal_list(settings: Settings) -> RemovalList:
    """Build the list of erasures; processes without encryption keys erase nothing."""
    keys = settings.encryption_keys
    return RemovalList(settings.erasure_list, KeyRing(keys) if keys else None, utc_now)
