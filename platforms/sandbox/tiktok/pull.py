"""Fetching a file from a verified address: really on loopback, by simulation elsewhere.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11: https, a domain of the
app's, no redirect, one hour. Loopback stands in for a verified domain, by setting.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from platforms.sandbox.agenda import in_background
from platforms.sandbox.tiktok import course, screening
from platforms.sandbox.tiktok.answers import Refused
from platforms.sandbox.tiktok.posts import Post
from platforms.sandbox.tiktok.state import TikTok

HOUR = 3_600.0
PATIENCE = 10.0  # seconds without a byte
PIECE, HEAD = 1_048_576, 64
OK = 200
LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def check_owned(tiktok: TikTok, urls: Iterable[str]) -> None:
    """Errors: Refused."""
    if not all(is_owned(tiktok, url) for url in urls):
        raise Refused("url_ownership_unverified")


def is_owned(tiktok: TikTok, url: str) -> bool:
    target = parsed(url)
    if target is None:
        return False
    if is_loopback(target):
        return tiktok.settings.loopback_pulls
    return (
        target.scheme == "https"
        and not is_address(target.hostname or "")
        and any(
            covers(kind, url, target) for kind in tiktok.settings.verified_urls.split(",") if kind
        )
    )


def covers(verified: str, url: str, target: SplitResult) -> bool:
    """A domain covers its subdomains, not its parent; a prefix covers what begins with it."""
    if verified.startswith("https://"):
        return verified.endswith("/") and url.startswith(verified)
    host = target.hostname or ""
    return host == verified or host.endswith(f".{verified}")


def parsed(url: str) -> SplitResult | None:
    try:
        target = urlsplit(url)
        _ = target.port  # an absurd one shows only when read
    except ValueError:
        return None
    return target if target.scheme in {"http", "https"} and target.hostname else None


def is_loopback(target: SplitResult) -> bool:
    return target.scheme == "http" and target.hostname in LOOPBACK


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def begin(tiktok: TikTok, post: Post) -> None:
    """The download takes `download_seconds`; longer than an hour, and it fails then."""
    post.is_downloading = True
    seconds = tiktok.settings.download_seconds
    if seconds > HOUR:
        tiktok.house.agenda.after(HOUR, lambda: failed(tiktok, post))
    else:
        tiktok.house.agenda.after(seconds, lambda: in_background(lambda: fetch(tiktok, post)))


def fetch(tiktok: TikTok, post: Post) -> None:
    """Everything that goes wrong on the way is one reason to TikTok."""
    if not post.is_downloading or tiktok.settings.stuck:
        return
    try:
        read(tiktok, post)
    except (OSError, HTTPException):
        screening.drop(post)
        failed(tiktok, post)
    else:
        arrived(tiktok, post)


def read(tiktok: TikTok, post: Post) -> None:
    """Errors: OSError, HTTPException; also for a redirect or any status but 200."""
    digest = sha256()
    for url in filter(lambda one: is_loopback(urlsplit(one)), post.urls):
        post.heads.append(b"")
        with opened(url) as answer:
            if not post.is_photo:
                post.reel = screening.a_reel(tiktok, answer.length or 0)
            for piece in whole(answer):
                digest.update(piece)
                keep(post, piece)
                if not post.is_downloading:
                    return
        post.sha256 = digest.hexdigest()


def keep(post: Post, piece: bytes) -> None:
    post.heads[-1] = (post.heads[-1] + piece)[:HEAD]
    if post.reel:
        post.reel.write(post.downloaded, piece)
    post.downloaded += len(piece)


@contextmanager
def opened(url: str) -> Iterator[HTTPResponse]:
    target = urlsplit(url)
    connection = HTTPConnection(target.hostname or "", target.port, timeout=PATIENCE)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != OK:
            raise HTTPException(f"answered {answer.status}")
        yield answer
    finally:
        connection.close()


def whole(answer: HTTPResponse) -> Iterator[bytes]:
    """Errors: HTTPException if the body ends before its announced length."""
    while piece := answer.read(PIECE):
        yield piece
    if answer.length:
        raise HTTPException("the file broke off")


def arrived(tiktok: TikTok, post: Post) -> None:
    with tiktok.lock:
        if post.is_downloading:
            post.is_downloading = False
            screening.begin(tiktok, post)
        else:
            screening.drop(post)


def failed(tiktok: TikTok, post: Post) -> None:
    with tiktok.lock:
        if post.is_downloading:
            what = "photo" if post.is_photo else "video"
            course.fail(tiktok, post, f"{what}_pull_failed")
