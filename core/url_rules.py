"""Addresses that people give us: public https ones and nothing else. Pure; resolves no name."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 2048
PUBLIC_HOST_PATTERN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
PRIVATE_SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home",
    ".corp",
    ".onion",
    ".home.arpa",
)
"""Ends of names that are never public: RFC 6761, 6762, 8375, and what networks use at home."""


def validate_public_https_url(url: str) -> str:
    """The address as given. Errors: ValueError that says what is wrong and quotes nothing."""
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"must not be longer than {MAX_URL_LENGTH} characters")
    if any(not "!" <= sign <= "~" for sign in url) or "\\" in url:
        raise ValueError("must not contain blanks, backslashes or characters beyond ASCII")
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user")
    if explicit_port(parts.netloc) not in {"", "443"}:
        raise ValueError("must not name another port than 443")
    if not is_public_host(parts.hostname or ""):
        raise ValueError("must name a public host")
    return url


def explicit_port(netloc: str) -> str:
    return netloc.rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else ""


def is_public_host(host: str) -> bool:
    """A name of at least two parts that is no address in disguise."""
    try:
        ip_address(host)
    except ValueError:
        return bool(PUBLIC_HOST_PATTERN.fullmatch(host)) and not host.endswith(PRIVATE_SUFFIXES)
    return False


def is_under_any_prefix(url: str, prefixes: tuple[str, ...]) -> bool:
    """Whether the address lies below one of these: hosts, or addresses up to a path."""
    return any(is_under_prefix(urlsplit(url), prefix) for prefix in prefixes)


def is_under_prefix(parts: SplitResult, prefix: str) -> bool:
    allowed = urlsplit(prefix if "://" in prefix else f"https://{prefix}")
    host = parts.hostname or ""
    if allowed.path in {"", "/"}:
        return host == allowed.hostname or host.endswith(f".{allowed.hostname}")
    return host == allowed.hostname and parts.path.startswith(allowed.path)
