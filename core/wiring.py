"""Where everything is put together: what we remember (Database) and what we talk to (World).

The only place that knows the clock and the dice. Must decide nothing.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from core.config.apps import instagram_secrets
from core.config.settings import Settings
from core.crypto import KeyRing
from core.errors import Misconfigured
from core.resilience.cache import Cache
from core.resilience.circuits import Circuits
from core.resilience.guard import guarded
from core.resilience.limits import Limits, platform_rates
from core.resilience.shared import Shared
from core.store import Media
from core.watch import metrics
from db.session import Database
from platforms import registry
from platforms.base import Platform, Webhooks
from platforms.http import Http, stranger_session

POOLS = {"web": 34}  # its threads, and two to spare; the inbox keeps one of its own
EXCERPT = 4096  # bytes of what an endpoint answers: nobody reads more of it
FEW = 2  # connections of any other process: the engine opens transactions one after another


log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class World:
    """What work talks to besides its rows. Frozen, so that threads may share it."""

    settings: Settings
    platforms: Mapping[str, Platform]
    outside: Http
    ears: Mapping[str, Webhooks]
    keys: KeyRing
    shared: Shared
    limits: Limits
    circuits: Circuits
    cache: Cache
    store: Media | None
    ring: Callable[[str], None]
    now: Callable[[], datetime]
    dice: Callable[[], float]

    def platform(self, name: str) -> Platform:
        """Errors: Misconfigured if it is switched off, with the names that keep it off."""
        if name in self.platforms:
            return self.platforms[name]
        missing = self.settings.missing.get(name, ())
        why = f"{', '.join(missing)} missing" if missing else "not supported yet"
        raise Misconfigured(f"{name} is off: {why}", details={"missing": list(missing)})

    @property
    def media(self) -> Media:
        """Errors: Misconfigured if there is no place for files."""
        if self.store is None:
            raise Misconfigured("MEDIA_URL is missing", details={"missing": ["MEDIA_URL"]})
        return self.store


def build_world(settings: Settings, *, ring: Callable[[str], None]) -> World:
    """Connects to nothing yet."""
    if settings.is_production and settings.tiktok.compat:
        log.warning("tiktok.compat", why="TIKTOK_WEBHOOK_COMPAT is meant for tests")
    shared = Shared(settings.redis_url)
    circuits = Circuits(shared, clock=lambda: now().timestamp(), dice=random.random)
    known = guarded(platforms(settings), circuits)
    return World(
        settings=settings,
        platforms=known,
        outside=outside(settings),
        ears=ears(settings, known),
        keys=KeyRing(settings.keys),
        shared=shared,
        limits=Limits(shared, platform_rates(settings.limits)),
        circuits=circuits,
        cache=Cache(shared),
        store=Media(settings.media_url) if settings.media_url else None,
        ring=ring,
        now=now,
        dice=random.random,
    )


def now() -> datetime:
    return datetime.now(UTC)


def platforms(settings: Settings) -> dict[str, Platform]:
    """Each with a door of its own, so that calls are counted under its name."""
    return {
        name: registry.build({name: app}, Http(observe=partial(metrics.upstream, name)))[name]
        for name, app in settings.apps.items()
    }


def outside(settings: Settings) -> Http:
    """The door to hosts that our users name: public ones, unless settings say otherwise."""
    observe = partial(metrics.upstream, "endpoint")
    if settings.endpoint_private_hosts:
        return Http(observe=observe, excerpt=EXCERPT)
    return Http(observe=observe, excerpt=EXCERPT, session=stranger_session)


def ears(settings: Settings, platforms: Mapping[str, Platform]) -> dict[str, Webhooks]:
    """Who reads the deliveries of each platform."""
    instagram = settings.instagram
    heard = registry.instagram_ear(instagram_secrets(instagram), instagram.verify_token)
    return {"instagram": heard, **{name: one.webhooks for name, one in platforms.items()}}


def build_database(settings: Settings, *, role: str) -> Database:
    """Connects to nothing yet."""
    return Database(
        settings.database_url,
        pool_size=POOLS.get(role, FEW),
        application_name=f"signalpost-{role}",
        on_away=metrics.DB_ERRORS.inc,
        token_guard=settings.limits.token_guard,
    )
