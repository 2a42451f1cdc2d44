"""PULL_FROM_URL: fetches files from loopback; downloads from other hosts are only simulated.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11: https, a verified domain
of the app, no redirect, one hour. By a setting, loopback counts as a verified domain.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from platforms.sandbox.clock import HOUR_SECONDS
from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.tiktok import post_lifecycle, video_inspection
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.responses import ApiRefused
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.urls import is_http_loopback, request_target

READ_TIMEOUT = 10.0  # seconds without a byte
READ_SIZE = 1_048_576  # bytes read at a time
HEAD_BYTES = 64  # bytes kept to recognise the file format
OK = 200


def check_url_ownership(tiktok: TikTokState, urls: Iterable[str]) -> None:
    """Errors: ApiRefused if one of the URLs is not verified for the app."""
    if not all(is_verified_url(tiktok, url) for url in urls):
        raise ApiRefused("url_ownership_unverified")


def is_verified_url(tiktok: TikTokState, url: str) -> bool:
    parts = parse_url(url)
    if parts is None:
        return False
    if is_http_loopback(parts):
        return tiktok.settings.loopback_pulls
    if parts.scheme != "https" or is_ip_address(parts.hostname or ""):
        return False
    verified_urls = filter(None, tiktok.settings.verified_urls.split(","))
    return any(is_covered(verified, url, parts) for verified in verified_urls)


def is_covered(verified: str, url: str, parts: SplitResult) -> bool:
    """A domain covers its subdomains, not its parent; a prefix covers what begins with it."""
    if verified.startswith("https://"):
        return verified.endswith("/") and url.startswith(verified)
    host = parts.hostname or ""
    return host == verified or host.endswith(f".{verified}")


def parse_url(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit checks the port only when it is read
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.hostname else None


def is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def start_download(tiktok: TikTokState, post: SandboxPost) -> None:
    """Download the files after `download_seconds`; if that exceeds an hour, fail after one."""
    post.is_downloading = True
    seconds = tiktok.settings.download_seconds
    if seconds > HOUR_SECONDS:
        tiktok.sandbox.scheduler.call_later(HOUR_SECONDS, lambda: fail_download(tiktok, post))
    else:
        tiktok.sandbox.scheduler.call_later(
            seconds, lambda: run_in_background(lambda: download_files(tiktok, post))
        )


def download_files(tiktok: TikTokState, post: SandboxPost) -> None:
    """Download the post's files; TikTok has one fail_reason for all errors of a download."""
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
    """Read the files that are on loopback.

    Errors: OSError, HTTPException; also for a redirect or any other status than 200.
    """
    digest = sha256()
    for url in (url for url in post.urls if is_http_loopback(urlsplit(url))):
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
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=READ_TIMEOUT)
    try:
        connection.request("GET", request_target(parts))
        response = connection.getresponse()
        if response.status != OK:
            raise HTTPException(f"the server answered {response.status}")
        yield response
    finally:
        connection.close()


def iter_body(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the body in parts. Errors: HTTPException if it ends before its stated length."""
    while part := response.read(READ_SIZE):
        yield part
    if response.length:
        raise HTTPException(f"the body ended {response.length} bytes early")


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
