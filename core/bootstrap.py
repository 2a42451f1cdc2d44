"""Where everything is put together: what we remember (Database) and what we talk to (World).

The only place that knows the clock and the dice. Must decide nothing.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from core.config.settings import Settings
from core.crypto import KeyRing
from core.errors import Misconfigured
from core.limits.circuit_proxy import wrap_platforms
from core.limits.circuits import Circuits
from core.limits.rate_limits import RateLimits, platform_rates
from core.limits.redis_client import RedisClient
from core.media_store import MediaStore
from core.observability import metrics
from db.session import Database
from platforms import registry
from platforms.base import Platform, WebhookAdapter
from platforms.http import HttpClient, create_public_session

DATABASE_POOL_SIZES = {"web": 34}  # its threads, and two to spare; the inbox keeps one of its own
MAX_EXCERPT_BYTES = 4096  # bytes of what an endpoint answers: nobody reads more of it
DEFAULT_POOL_SIZE = (
    2  # connections of any other process: the engine opens transactions one after another
)


log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Services:
    """What work talks to besides its rows. Frozen, so that threads may share it."""

    settings: Settings
    platforms: Mapping[str, Platform]
    public_http: HttpClient
    webhook_adapters: Mapping[str, WebhookAdapter]
    key_ring: KeyRing
    redis: RedisClient
    rate_limits: RateLimits
    circuits: Circuits
    media_store: MediaStore | None
    wake: Callable[[str], None]
    now: Callable[[], datetime]
    jitter: Callable[[], float]

    def get_platform(self, name: str) -> Platform:
        """Errors: Misconfigured if it is switched off, with the names that keep it off."""
        if name in self.platforms:
            return self.platforms[name]
        missing = self.settings.missing_names.get(name, ())
        reason = f"{', '.join(missing)} missing" if missing else "not supported yet"
        raise Misconfigured(f"{name} is off: {reason}", details={"missing": list(missing)})

    @property
    def media(self) -> MediaStore:
        """Errors: Misconfigured if there is no place for files."""
        if self.media_store is None:
            raise Misconfigured("MEDIA_URL is missing", details={"missing": ["MEDIA_URL"]})
        return self.media_store


def build_services(settings: Settings, *, wake: Callable[[str], None]) -> Services:
    """Connects to nothing yet."""
    if settings.is_production and settings.tiktok.webhook_compat:
        log.warning(
            "tiktok.legacy_webhooks_enabled", why="TIKTOK_WEBHOOK_COMPAT is meant for tests"
        )
    redis_client = RedisClient(settings.redis_url)
    circuits = Circuits(redis_client, clock=lambda: utc_now().timestamp(), jitter=random.random)
    guarded_platforms = wrap_platforms(build_platforms(settings), circuits)
    return Services(
        settings=settings,
        platforms=guarded_platforms,
        public_http=build_public_http(settings),
        webhook_adapters=build_webhook_adapters(settings, guarded_platforms),
        key_ring=KeyRing(settings.encryption_keys),
        redis=redis_client,
        rate_limits=RateLimits(redis_client, platform_rates(settings.limits)),
        circuits=circuits,
        media_store=MediaStore(settings.media_url) if settings.media_url else None,
        wake=wake,
        now=utc_now,
        jitter=random.random,
    )


def utc_now() -> datetime:
    return datetime.now(UTC)


def build_platforms(settings: Settings) -> dict[str, Platform]:
    """Each with a door of its own, so that calls are counted under its name."""
    return {
        name: registry.build_platforms(
            {name: app}, HttpClient(observe=partial(metrics.count_upstream_call, name))
        )[name]
        for name, app in settings.apps.items()
    }


def build_public_http(settings: Settings) -> HttpClient:
    """The door to hosts that our users name: public ones, unless settings say otherwise."""
    observe = partial(metrics.count_upstream_call, "endpoint")
    if settings.endpoint_private_hosts:
        return HttpClient(observe=observe, body_limit=MAX_EXCERPT_BYTES)
    return HttpClient(
        observe=observe, body_limit=MAX_EXCERPT_BYTES, session_factory=create_public_session
    )


def build_webhook_adapters(
    settings: Settings, platforms: Mapping[str, Platform]
) -> dict[str, WebhookAdapter]:
    """Who reads the deliveries of each platform."""
    instagram = settings.instagram
    instagram_webhooks = registry.build_instagram_webhooks(
        instagram.signing_secrets(), instagram.webhook_verify_token
    )
    return {
        "instagram": instagram_webhooks,
        **{name: platform.webhooks for name, platform in platforms.items()},
    }


def build_database(settings: Settings, *, role: str) -> Database:
    """Connects to nothing yet."""
    return Database(
        settings.database_url,
        pool_size=DATABASE_POOL_SIZES.get(role, DEFAULT_POOL_SIZE),
        application_name=f"signalpost-{role}",
        on_unavailable=metrics.DB_ERRORS.inc,
        token_guard=settings.limits.token_guard,
    )
