"""Checks before a post starts that its platform can fetch every URL.

URLs are probed without downloading the file, so that a mistyped URL is reported at once and not
after an hour. A fault that may pass (no answer, 408, 425, 429, 5xx) is retried with the delays of
posts while nobody waits; a person who waits learns it at once (`core/publishing/job_types.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core.bootstrap import Services
from core.media.first_bytes import recognise_container
from core.media.rule_check import CONTENT_TYPE_BY_CONTAINER, UNKNOWN_CONTENT_TYPES
from core.media.uploads import read_max_bytes
from platforms.errors import NO_WAIT, PlatformError, Rejected, Unavailable
from platforms.http import NO_RETRY, SAFE_RETRY, HttpResponse
from platforms.platform import Platform
from platforms.publishing import MediaItem, Publication

URL_UNREACHABLE_CODE = "url_unreachable"
PROBE_REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("HEAD", {}),
    ("GET", {"Range": "bytes=0-0"}),  # not every server knows HEAD
)
CLOSED_CODE = "NETWORK_ERROR"  # of a connection that ended before the answer
PROBE_RETRY = replace(SAFE_RETRY, max_attempts=2)
PROBE_TIMEOUT_SECONDS = (2.0, 3.0)  # to connect, to read
URL_CHECK_BUDGET = timedelta(seconds=6)  # for all URLs of a post; the rest is not checked
OK_STATUSES = frozenset({200, 206})
REDIRECT_STATUSES = range(300, 400)
PASSING_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
MAX_HOST_WAIT = timedelta(hours=1)  # that a host may ask for before its URL is tried again
SAMPLE_BYTES = 64  # by which a file is recognised
MAX_LENGTH_DIGITS = 18  # of a Content-Length that is believed: more digits may exceed 64 bits
MEDIA_NAMES = {"image": "photo"}  # role → what people call the file; others by their role


@dataclass(frozen=True)
class UrlFault:
    """Why the platform could not fetch a URL; `may_pass`: the same URL may work later."""

    text: str
    may_pass: bool = False
    retry_after: timedelta = NO_WAIT


@dataclass(frozen=True)
class FetchRule:
    """What a platform accepts when it fetches the files of one role."""

    content_types: frozenset[str]
    max_bytes: int


def check_urls(platform: Platform, publication: Publication, services: Services) -> None:
    """Check the URLs that the platform is to fetch, if its settings want that.

    Errors: Rejected `url_unreachable`, with the fault but without the URL; Unavailable with the
    same code if the fault may pass.
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
            refusal = build_refusal(subject, fault)
            is_one_of_several = sum(other.role == item.role for other in items) > 1
            refusal.item = number if is_one_of_several else 0
            raise refusal


def build_refusal(subject: str, fault: UrlFault) -> PlatformError:
    message = f"{subject} {fault.text}"
    if not fault.may_pass:
        return Rejected(message, code=URL_UNREACHABLE_CODE)
    return Unavailable(
        message,
        code=URL_UNREACHABLE_CODE,
        retry_after=min(fault.retry_after, MAX_HOST_WAIT),
        may_have_arrived=False,  # nothing was asked of the platform
    )


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


def find_url_fault(item: MediaItem, fetch_rule: FetchRule, services: Services) -> UrlFault | None:
    """Why the platform could not fetch the URL; None if no reason is known."""
    try:
        response = probe_url(str(item.url), services)
    except PlatformError as error:
        if error.code == "PRIVATE_HOST":
            return UrlFault("leads to a private network")
        if error.code == "HOST_NOT_ALLOWED":
            return UrlFault("names a host that the operator does not allow")
        return UrlFault("does not answer", may_pass=True)
    if response.status not in OK_STATUSES:
        return judge_status(response)
    content_type = find_content_type(response, item, fetch_rule, services)
    if content_type not in fetch_rule.content_types:
        return UrlFault(f"leads to {content_type[:50]}, not to a {media_name(item)}")
    is_too_large = content_size(response) > fetch_rule.max_bytes
    return UrlFault("leads to a file that is too large") if is_too_large else None


def judge_status(response: HttpResponse) -> UrlFault:
    text = f"answers {response.status}"
    if response.status in REDIRECT_STATUSES:
        return UrlFault(f"{text}: redirects are not followed")
    may_pass = response.status in PASSING_STATUSES
    return UrlFault(text, may_pass, response.retry_after if may_pass else NO_WAIT)


def find_content_type(
    response: HttpResponse, item: MediaItem, fetch_rule: FetchRule, services: Services
) -> str:
    """Return the type that the server names; that of the first bytes if the platform refused it.

    Servers guess types from names; only a page is surely no file.
    """
    named = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if named in fetch_rule.content_types or named.startswith("text/"):
        return named
    try:
        sample = services.public_http.call(
            "GET",
            str(item.url),
            endpoint="url_check",
            retry=NO_RETRY,
            headers={"Accept": "*/*", "Range": f"bytes=0-{SAMPLE_BYTES - 1}"},
            timeout=PROBE_TIMEOUT_SECONDS,
        )
    except PlatformError:
        return named
    container = recognise_container(sample.body) if sample.status in OK_STATUSES else None
    return CONTENT_TYPE_BY_CONTAINER.get(container or "", named)


def probe_url(url: str, services: Services) -> HttpResponse:
    """Request the headers of the file. Errors: PlatformError.

    A server that closes the connection of one request is asked with the next: not every one knows
    HEAD.
    """
    *first_requests, last_request = PROBE_REQUESTS
    for method, headers in first_requests:
        try:
            response = send_probe(url, method, headers, services)
        except PlatformError as error:
            if error.code != CLOSED_CODE or not error.may_have_arrived:
                raise
            continue
        if response.status in OK_STATUSES:
            return response
    return send_probe(url, *last_request, services)


def send_probe(
    url: str, method: str, headers: Mapping[str, str], services: Services
) -> HttpResponse:
    return services.public_http.call(
        method,
        url,
        endpoint="url_check",
        retry=PROBE_RETRY,
        headers={"Accept": "*/*", **headers},
        timeout=PROBE_TIMEOUT_SECONDS,
    )


def content_size(response: HttpResponse) -> int:
    """Bytes of the whole file; 0 if the server does not report them."""
    range_total = response.headers.get("content-range", "").rpartition("/")[2]
    length = range_total or response.headers.get("content-length", "")
    is_number = length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS
    return int(length) if is_number else 0
