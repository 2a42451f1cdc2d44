"""Parts of URLs that several modules of the sandbox need: loopback hosts, request targets."""

from urllib.parse import SplitResult, urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost"})


def is_http_loopback(url: SplitResult) -> bool:
    """Return whether the URL is plain http to this machine: such traffic stays on it."""
    return url.scheme == "http" and url.hostname in LOOPBACK_HOSTS


def is_https_or_loopback(url: str) -> bool:
    """Return whether the URL is https as TikTok requires it, or plain http on loopback."""
    parts = urlsplit(url)
    return (parts.scheme == "https" and bool(parts.hostname)) or is_http_loopback(parts)


def request_target(url: SplitResult) -> str:
    """Return path and query, as the first line of an HTTP request has them."""
    return (url.path or "/") + (f"?{url.query}" if url.query else "")
