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

from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.tiktok import post_lifecycle, video_inspection
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.responses import ApiRefused
from platforms.sandbox.tiktok.state import TikTokState

HOUR_SECONDS = 3_600.0
READ_TIMEOUT = 10.0  # seconds without a byte
READ_SIZE, HEAD_BYTES = 1_048_576, 64
OK = 200
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost"})


def check_url_ownership(tiktok: TikTokState, urls: Iterable[str]) -> None:
    """Errors: Refused."""
    if not all(is_verified_url(tiktok, url) for url in urls):
        raise ApiRefused("url_ownership_unverified")


def is_verified_url(tiktok: TikTokState, url: str) -> bool:
    target = parse_url(url)
    if target is None:
        return False
    if is_loopback(target):
        return tiktok.settings.loopback_pulls
    return (
        target.scheme == "https"
        and not is_ip_address(target.hostname or "")
        and any(
            is_covered(kind, url, target)
            for kind in tiktok.settings.verified_urls.split(",")
            if kind
        )
    )


def is_covered(verified: str, url: str, target: SplitResult) -> bool:
    """A domain covers its subdomains, not its parent; a prefix covers what begins with it."""
    if verified.startswith("https://"):
        return verified.endswith("/") and url.startswith(verified)
    host = target.hostname or ""
    return host == verified or host.endswith(f".{verified}")


def parse_url(url: str) -> SplitResult | None:
    try:
        target = urlsplit(url)
        _ = target.port  # an absurd one shows only when read
    except ValueError:
        return None
    return target if target.scheme in {"http", "https"} and target.hostname else None


def is_loopback(target: SplitResult) -> bool:
    return target.scheme == "http" and target.hostname in LOOPBACK_HOSTS


def is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def start_download(tiktok: TikTokState, post: SandboxPost) -> None:
    """The download takes `download_seconds`; longer than an hour, and it fails then."""
    post.is_downloading = True
    seconds = tiktok.settings.download_seconds
    if seconds > HOUR_SECONDS:
        tiktok.sandbox.scheduler.call_later(HOUR_SECONDS, lambda: fail_download(tiktok, post))
    else:
        tiktok.sandbox.scheduler.call_later(
            seconds, lambda: run_in_background(lambda: download_files(tiktok, post))
        )


def download_files(tiktok: TikTokState, post: SandboxPost) -> None:
    """Everything that goes wrong on the way is one reason to TikTok."""
    if not post.is_downloading or tiktok.settings.stuck:
        return
    try:
        read_files(tiktok, post)
    except (OSError, HTTPException):
        video_inspection.drop_buffer(post)
        fail_download(tiktok, post)
    else:
        finish_download(tiktok, post)


def read_files(tiktok: TikTokState, post: SandboxPost) -> None:
    """Errors: OSError, HTTPException; also for a redirect or any status but 200."""
    digest = sha256()
    for url in filter(lambda one: is_loopback(urlsplit(one)), post.urls):
        post.file_heads.append(b"")
        with open_url(url) as response:
            if not post.is_photo:
                post.buffer = video_inspection.new_buffer(tiktok, response.length or 0)
            for part in iter_body(response):
                digest.update(part)
                store_bytes(post, part)
                if not post.is_downloading:
                    return
        post.sha256 = digest.hexdigest()


def store_bytes(post: SandboxPost, part: bytes) -> None:
    post.file_heads[-1] = (post.file_heads[-1] + part)[:HEAD_BYTES]
    if post.buffer:
        post.buffer.write(post.downloaded, part)
    post.downloaded += len(part)


@contextmanager
def open_url(url: str) -> Iterator[HTTPResponse]:
    target = urlsplit(url)
    connection = HTTPConnection(target.hostname or "", target.port, timeout=READ_TIMEOUT)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != OK:
            raise HTTPException(f"answered {response.status}")
        yield response
    finally:
        connection.close()


def iter_body(response: HTTPResponse) -> Iterator[bytes]:
    """Errors: HTTPException if the body ends before its announced length."""
    while part := response.read(READ_SIZE):
        yield part
    if response.length:
        raise HTTPException("the file broke off")


def finish_download(tiktok: TikTokState, post: SandboxPost) -> None:
    with tiktok.lock:
        if post.is_downloading:
            post.is_downloading = False
            video_inspection.start_inspection(tiktok, post)
        else:
            video_inspection.drop_buffer(post)


def fail_download(tiktok: TikTokState, post: SandboxPost) -> None:
    with tiktok.lock:
        if post.is_downloading:
            media_kind = "photo" if post.is_photo else "video"
            post_lifecycle.fail_post(tiktok, post, f"{media_kind}_pull_failed")
