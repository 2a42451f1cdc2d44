"""Fetches the files of `image_url`, `video_url` and `cover_url` as Meta's crawler does.

It sends HEAD first and then GET with `Range`, reads from loopback only, and counts files of other
hosts as fetched if a setting says so: the sandbox never leaves the machine.
Source: Meta, content publishing; what breaks it was observed: redirects to pages, HTML, hosts
without HEAD or Range, and hosts that are slow (reference, sections 2.7 and 6).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urljoin, urlsplit

from platforms.sandbox.urls import is_http_loopback, request_target

READ_SIZE = 262_144  # bytes read at a time
MAX_REDIRECTS = 3
OK, PARTIAL_CONTENT = 200, 206
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
CRAWLER_HEADERS = {
    "User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Accept": "*/*",
}


class MediaFetchFailed(Exception):
    """A file could not be fetched."""


class MediaFetchTimeout(MediaFetchFailed):
    """The host took too long."""


class MediaHostUnsuitable(MediaFetchFailed):
    """The host does not answer HEAD, or does not know Range."""


class MediaTooLarge(MediaFetchFailed):
    """The file is larger than its kind allows."""


@dataclass(frozen=True)
class FetchRules:
    """`content_prefix`: what the Content-Type begins with. Units: seconds, bytes."""

    content_prefix: str
    timeout: float
    max_bytes: int
    needs_range: bool


@dataclass(frozen=True)
class FetchedMedia:
    """What was fetched: the number of its bytes and their digest."""

    size: int
    digest: str


def parse_media_url(url: str) -> SplitResult:
    """Errors: MediaFetchFailed for anything that is not an http or https URL in US-ASCII."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit checks the port only when it is read
    except ValueError:
        raise MediaFetchFailed("the URL cannot be parsed") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii():
        raise MediaFetchFailed("the URL is not http or https, or not US-ASCII")
    if parts.username or parts.password or any(sign.isspace() for sign in url):
        raise MediaFetchFailed("the URL has credentials or white space")
    return parts


def is_on_this_machine(url: str) -> bool:
    return is_http_loopback(parse_media_url(url))


def fetch_media(
    url: str, rules: FetchRules, store: Callable[[int, int, bytes], None]
) -> FetchedMedia:
    """Fetch a file from loopback; `store` gets the file's size, an offset and bytes.

    Errors: MediaFetchFailed and its kinds.
    """
    deadline = time.monotonic() + rules.timeout
    try:
        final_url, size = look_up_file(url, rules, deadline)
        return read_file(final_url, size, rules, deadline, store)
    except TimeoutError:
        raise MediaFetchTimeout("the host took too long") from None
    except (OSError, HTTPException) as error:
        raise MediaFetchFailed(f"the file cannot be read: {type(error).__name__}") from None


def look_up_file(url: str, rules: FetchRules, deadline: float) -> tuple[str, int]:
    """Ask by HEAD for type and size, and follow redirects that stay on loopback."""
    for _ in range(MAX_REDIRECTS + 1):
        with open_media_url(url, "HEAD", deadline) as response:
            if response.status in REDIRECT_STATUSES:
                url = urljoin(url, response.headers.get("Location", ""))
                continue
            check_head(response, rules)
            return url, int(response.headers["Content-Length"])
    raise MediaFetchFailed("the URL redirects too often")


def check_head(response: HTTPResponse, rules: FetchRules) -> None:
    """Errors: MediaFetchFailed and its kinds."""
    if response.status in {405, 501}:
        raise MediaHostUnsuitable("the host does not answer HEAD")
    if response.status != OK:
        raise MediaFetchFailed(f"the host answered {response.status}")
    if not response.headers.get("Content-Type", "").lower().startswith(rules.content_prefix):
        raise MediaFetchFailed("the Content-Type is not that of the media")
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal() or not int(length):
        raise MediaHostUnsuitable("the host states no length")
    if int(length) > rules.max_bytes:
        raise MediaTooLarge(f"the file has {length} bytes")


def read_file(
    url: str,
    size: int,
    rules: FetchRules,
    deadline: float,
    store: Callable[[int, int, bytes], None],
) -> FetchedMedia:
    digest, count = sha256(), 0
    with open_media_url(url, "GET", deadline, {"Range": f"bytes=0-{size - 1}"}) as response:
        if response.status == OK and rules.needs_range:
            raise MediaHostUnsuitable("the host does not know Range")
        if response.status not in {OK, PARTIAL_CONTENT}:
            raise MediaFetchFailed(f"the host answered {response.status}")
        if not response.headers.get("Content-Type", "").lower().startswith(rules.content_prefix):
            raise MediaFetchFailed("the Content-Type is not that of the media")
        while part := response.read(READ_SIZE):
            if time.monotonic() > deadline:
                raise MediaFetchTimeout("the host took too long")
            store(size, count, part)
            digest.update(part)
            count += len(part)
    if count != size:
        raise MediaFetchFailed(f"the body has {count} bytes and not {size}")
    return FetchedMedia(count, digest.hexdigest())


@contextmanager
def open_media_url(
    url: str, method: str, deadline: float, headers: dict[str, str] | None = None
) -> Iterator[HTTPResponse]:
    """Errors: MediaFetchFailed if the URL leaves the machine; OSError, HTTPException."""
    parts = parse_media_url(url)
    if not is_http_loopback(parts):
        raise MediaFetchFailed("the sandbox reads from loopback only")
    remaining = max(deadline - time.monotonic(), 0.001)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=remaining)
    try:
        connection.request(method, request_target(parts), headers=CRAWLER_HEADERS | (headers or {}))
        yield connection.getresponse()
    finally:
        connection.close()
