"""Checks before a post starts that its platform can fetch every URL.

URLs are probed without downloading the file, so that a mistyped URL is reported at once and not
after an hour.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core.bootstrap import Services
from core.media.rule_check import UNKNOWN_CONTENT_TYPES
from core.media.uploads import read_max_bytes
from platforms.errors import PlatformError, Rejected
from platforms.http import SAFE_RETRY, HttpResponse
from platforms.platform import Platform
from platforms.publishing import MediaItem, Publication

URL_UNREACHABLE_CODE = "url_unreachable"
PROBE_REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("HEAD", {}),
    ("GET", {"Range": "bytes=0-0"}),  # not every server knows HEAD
)
PROBE_RETRY = replace(SAFE_RETRY, max_attempts=2)
PROBE_TIMEOUT_SECONDS = (2.0, 3.0)  # to connect, to read
URL_CHECK_BUDGET = timedelta(seconds=6)  # for all URLs of a post; the rest is not checked
OK_STATUSES = frozenset({200, 206})
REDIRECT_STATUSES = range(300, 400)
MAX_LENGTH_DIGITS = 18  # of a Content-Length that is believed: more digits may exceed 64 bits
MEDIA_NAMES = {"image": "photo"}  # role → what people call the file; others by their role


@dataclass(frozen=True)
class FetchRule:
    """What a platform accepts when it fetches the files of one role."""

    content_types: frozenset[str]
    max_bytes: int


def check_urls(platform: Platform, publication: Publication, services: Services) -> None:
    """Check the URLs that the platform is to fetch, if its settings want that.

    Errors: Rejected `url_unreachable`, with the fault but without the URL.
    """
    settings = services.settings.of_platform(platform.name)
    if not settings.should_check_urls:
        return
    started_at = services.now()
    items = [item for item in publication.media if item.url is not None]
    for number, item in enumerate(items, start=1):
        if services.now() - started_at >= URL_CHECK_BUDGET:
            return
        fetch_rule = build_fetch_rule(platform, publication, item, settings)
        fault = find_url_fault(item, fetch_rule, services)
        if fault is not None:
            name = media_name(item)
            subject = f"{name} {number}" if name in MEDIA_NAMES.values() else f"the {name} URL"
            raise Rejected(f"{subject} {fault}", code=URL_UNREACHABLE_CODE)


def media_name(item: MediaItem) -> str:
    return MEDIA_NAMES.get(item.role, item.role)


def build_fetch_rule(
    platform: Platform, publication: Publication, item: MediaItem, settings: Any
) -> FetchRule:
    slots = [slot for slot in publication.kind.slots if slot.role == item.role]
    rules = [platform.media_rules[name] for slot in slots for name in slot.rules]
    content_types = frozenset(kind for rule in rules for kind in rule.content_types)
    max_bytes = max((read_max_bytes(rule, settings) for rule in rules), default=0)
    return FetchRule(content_types | UNKNOWN_CONTENT_TYPES, max_bytes)


def find_url_fault(item: MediaItem, fetch_rule: FetchRule, services: Services) -> str | None:
    """Why the platform could not fetch the URL; None if no reason is known."""
    try:
        response = probe_url(str(item.url), services)
    except PlatformError as error:
        return "leads to a private network" if error.code == "PRIVATE_HOST" else "does not answer"
    if response.status in REDIRECT_STATUSES:
        return f"answers {response.status}: redirects are not followed"
    if response.status not in OK_STATUSES:
        return f"answers {response.status}"
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in fetch_rule.content_types:
        return f"leads to {content_type[:50]}, not to a {media_name(item)}"
    is_too_large = content_size(response) > fetch_rule.max_bytes
    return "leads to a file that is too large" if is_too_large else None


def probe_url(url: str, services: Services) -> HttpResponse:
    """Request the headers of the file. Errors: PlatformError."""
    for method, headers in PROBE_REQUESTS:
        response = services.public_http.call(
            method,
            url,
            endpoint="url_check",
            retry=PROBE_RETRY,
            headers={"Accept": "*/*", **headers},
            timeout=PROBE_TIMEOUT_SECONDS,
        )
        if response.status in OK_STATUSES:
            break
    return response


def content_size(response: HttpResponse) -> int:
    """Bytes of the whole file; 0 if the server does not report them."""
    range_total = response.headers.get("content-range", "").rpartition("/")[2]
    length = range_total or response.headers.get("content-length", "")
    is_number = length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS
    return int(length) if is_number else 0
