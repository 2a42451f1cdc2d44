"""An address is looked at before a platform is sent there, so that a typing error shows at once and
not after an hour. Must not fetch what lies there: that is the platform's to do.

Source: TikTok, content-posting-api-media-transfer-guide and -reference-photo-post, read 2026-11-22:
no redirects; films in three containers, pictures as JPEG or WebP of 20 MB at most.
"""

from dataclasses import replace
from datetime import timedelta

from core.config.apps import TikTok
from core.media.films import CONTAINERS
from core.wiring import World
from platforms.base import Order
from platforms.errors import PlatformError, Rejected
from platforms.http import SAFE, Reply

UNREACHABLE = "url_unreachable"
UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream"})
FILMS = frozenset(CONTAINERS.values()) | UNSAID
PICTURES = frozenset({"image/jpeg", "image/webp"}) | UNSAID
LARGEST_PICTURE = 20_000_000

WAYS: tuple[tuple[str, dict[str, str]], ...] = (
    ("HEAD", {}),
    ("GET", {"Range": "bytes=0-0"}),
)  # not every server knows the first one
TWICE = replace(SAFE, tries=2)
TIMEOUT = (2.0, 3.0)  # seconds
PATIENCE = timedelta(seconds=6)  # for all addresses of a post; what is left is not looked at
OK = frozenset({200, 206})
REDIRECTS = range(300, 400)


def is_wanted(tiktok: TikTok) -> bool:
    """A server that stands in for TikTok has an internet of its own, which we cannot see."""
    is_theirs = tiktok.api_base == TikTok().api_base
    return tiktok.check_urls == "on" or (tiktok.check_urls == "auto" and is_theirs)


def reach(order: Order, world: World) -> None:
    """Errors: Rejected `url_unreachable`, with what is wrong where; no address is quoted."""
    if not is_wanted(world.settings.tiktok):
        return
    begun = world.now()
    for number, url in enumerate(addresses(order), start=1):
        if world.now() - begun >= PATIENCE:
            return
        fault = found(url, world, order)
        if fault is not None:
            where = f"picture {number}" if order.images else "the address"
            raise Rejected(f"{where} {fault}", code=UNREACHABLE)


def addresses(order: Order) -> tuple[str, ...]:
    return order.images or ((order.video_url,) if order.video_url else ())


def found(url: str, world: World, order: Order) -> str | None:
    """What would keep the platform from fetching it; None if nothing is known to."""
    try:
        reply = asked(url, world)
    except PlatformError as error:
        return "leads to a private network" if error.code == "PRIVATE_HOST" else "does not answer"
    if reply.status in REDIRECTS:
        return f"answers {reply.status}: redirects are not followed"
    if reply.status not in OK:
        return f"answers {reply.status}"
    kinds, largest = (PICTURES, LARGEST_PICTURE) if order.images else (FILMS, largest_film(world))
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        return f"leads to {kind[:50]}, not to a {'picture' if order.images else 'film'}"
    return "leads to a file that is too large" if size(reply) > largest else None


def asked(url: str, world: World) -> Reply:
    """Errors: PlatformError."""
    for method, headers in WAYS:
        reply = world.outside.call(
            method,
            url,
            endpoint="look",
            repeat=TWICE,
            headers={"Accept": "*/*", **headers},
            timeout=TIMEOUT,
        )
        if reply.status in OK:
            break
    return reply


def largest_film(world: World) -> int:
    return world.settings.limits.tiktok_max_video_bytes


def size(reply: Reply) -> int:
    """Bytes of the whole file; 0 if the server does not say."""
    whole = reply.headers.get("content-range", "").rpartition("/")[2]
    said = whole or reply.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < len(str(2**63)) else 0
