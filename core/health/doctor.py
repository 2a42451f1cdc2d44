"""What keeps this installation from working, found before its users find it. Changes nothing.

Each check says what is wrong and what to do; none shows a value that is secret.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from core.errors import Misconfigured
from core.health.readiness import Readiness, Report
from core.resilience.shared import SharedAway
from core.wiring import World
from db.grants import Grants
from db.session import Database, StoreAway
from platforms.base import OAuth
from platforms.errors import AppRefused, PlatformError
from platforms.http import SAFE, Http

SKEW = timedelta(seconds=5)  # between our clock and the database's
OK, BAD_METHOD = 200, 405
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OWN_PAGE = "shows a page of its own? then key, redirect or scopes differ from the portal's"
PROBE = "signalpost-doctor"  # a code that no platform has given out


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    said: str
    advice: str = ""


def misconfigured(error: Misconfigured) -> Iterator[Check]:
    """Settings that let nothing start."""
    for name, fault in error.details.get("settings", {"settings": str(error)}).items():
        yield Check(name, ok=False, said=fault, advice="set it in the environment or in .env")


def examine(
    database: Database, world: World, readiness: Readiness, *, probe: bool
) -> Iterator[Check]:
    """`probe` also shows the platforms our credentials."""
    report = readiness.report()
    yield Check("settings", ok=True, said=f"{len(world.settings.given)} names are set")
    yield sealing(world)
    yield from stores(report)
    yield clock(database, world)
    yield limits(world)
    yield media(world)
    yield from switched(report)
    yield from redirects(world)
    yield from registrations(world)
    yield from reachable(world, Http())
    if probe:
        yield from credentials(world)


def sealing(world: World) -> Check:
    fine = world.keys.validate()
    return Check("sealing", fine, f"key {world.keys.current}", "" if fine else "check the keys")


def stores(report: Report) -> Iterator[Check]:
    known: tuple[tuple[str, bool, str], ...] = (
        ("database", report.database, "check DATABASE_URL and that Postgres runs"),
        ("broker", report.broker, "check BROKER_URL and that it runs"),
    )
    for name, fine, advice in known:
        yield Check(name, fine, "answers" if fine else "is away", "" if fine else advice)
    for reason in report.reasons:
        if "does not answer" not in reason:
            yield Check("work", ok=False, said=reason, advice=remedy(reason))


def remedy(reason: str) -> str:
    if reason.startswith("the schema"):
        return "run `signalpost migrate up`"
    return "see that beat and the workers run (`signalpost up`, or the Procfile)"


def clock(database: Database, world: World) -> Check:
    try:
        with database.transaction() as session:
            theirs = session.scalar(Grants.now())
    except StoreAway:
        return Check("clock", ok=False, said="unknown without the database")
    skew = abs(theirs - world.now())
    return Check("clock", skew < SKEW, f"{skew} off the database's", "set both by NTP")


def limits(world: World) -> Check:
    try:
        world.shared.ping()
    except SharedAway:
        return Check("redis", ok=False, said="is away", advice="without it nobody can sign in")
    return Check("redis", ok=True, said="answers")


def media(world: World) -> Check:
    try:
        world.media.delete(world.media.new_path())
    except (Misconfigured, OSError) as error:
        return Check(
            "media", ok=False, said=str(error), advice="MEDIA_URL=file:///a/folder/of/ours"
        )
    return Check("media", ok=True, said="can be written")


def switched(report: Report) -> Iterator[Check]:
    """A platform that is off is a choice, no fault; but it should be known."""
    for name, state in sorted(report.platforms.items()):
        yield Check(name, ok=True, said=state)


def redirects(world: World) -> Iterator[Check]:
    for name, app in world.settings.apps.items():
        wanted = f"{world.settings.public_url}/api/auth/{name}/callback"
        advice = f"should be {wanted}, and registered at {name} byte for byte"
        fine = app.redirect_uri == wanted
        yield Check(f"{name} redirect", fine, app.redirect_uri, "" if fine else advice)


def registrations(world: World) -> Iterator[Check]:
    """Nobody comes back from a platform that does not like how it is asked: only this can tell."""
    for name, platform in world.platforms.items():
        doubts = "; ".join(platform.doubts)
        advice = f"compare with {name}'s portal" if doubts else ""
        yield Check(f"{name} registration", not doubts, doubts or OWN_PAGE, advice)


def reachable(world: World, http: Http) -> Iterator[Check]:
    base = world.settings.public_url
    if urlsplit(base).hostname in LOOPBACK:
        yield Check("webhooks", ok=True, said=f"{base}: no platform reaches a loopback address")
        return
    secure = base.startswith("https://")
    yield Check("https", secure, base, "" if secure else "platforms deliver to https only")
    for path, status in {"/healthz": OK, "/api/webhooks/tiktok": BAD_METHOD}.items():
        yield asked(http, base + path, status)


def asked(http: Http, url: str, status: int) -> Check:
    try:
        found = http.call("GET", url, endpoint="doctor", repeat=SAFE).status
    except PlatformError as error:
        return Check("reachable", ok=False, said=f"{url}: {error}", advice="check DNS and proxy")
    fine = found == status
    return Check("reachable", fine, f"{url}: {found}", "" if fine else f"should be {status}")


def credentials(world: World) -> Iterator[Check]:
    """A code that nobody gave out tells by its refusal whether our secret was accepted."""
    for name in world.platforms:
        yield credential(name, world.platform(name).oauth)


def credential(name: str, oauth: OAuth) -> Check:
    try:
        oauth.exchange(PROBE)
    except AppRefused:
        advice = "compare key and secret with the platform's portal"
        return Check(f"{name} credentials", ok=False, said="are refused", advice=advice)
    except PlatformError as error:
        unsure = error.retryable
        said = f"unknown: {error}" if unsure else "are accepted"
        return Check(f"{name} credentials", not unsure, said)
    return Check(f"{name} credentials", ok=True, said="are accepted")
