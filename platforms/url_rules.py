"""Checks URLs that users supply: https, a public host name, no user, no other port.

Names are not resolved here; `platforms.http.ssrf` checks the address when it connects.
"""

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
"""Suffixes of host names that are never public: RFC 6761, 6762, 8375, and usual private ones."""


def validate_public_https_url(url: str) -> str:
    """Return the URL as given. Errors: ValueError that names the broken rule, without the URL."""
    parts = split_plain_url(url)
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user")
    if explicit_port(parts.netloc) not in {"", "443"}:
        raise ValueError("must not name a port other than 443")
    if not is_public_host(parts.hostname or ""):
        raise ValueError("must name a public host")
    return url


def validate_http_url(url: str) -> str:
    """Return the URL as given: http or https, any host and port, for endpoints in development.

    Errors: ValueError that names the broken rule, without the URL.
    """
    parts = split_plain_url(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user")
    if not has_valid_port(parts):
        raise ValueError("must name a port between 1 and 65535")
    return url


def split_plain_url(url: str) -> SplitResult:
    """Split a URL. Errors: ValueError if it is too long or has other than printable ASCII."""
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"must not be longer than {MAX_URL_LENGTH} characters")
    if any(not "!" <= character <= "~" for character in url) or "\\" in url:
        raise ValueError("must not contain blanks, backslashes or non-ASCII characters")
    try:
        return urlsplit(url)
    except ValueError:  # its text quotes a malformed host in brackets
        raise ValueError("must name a host, with an IPv6 address in brackets") from None


def has_valid_port(parts: SplitResult) -> bool:
    """Whether the URL names no port, or one that can be connected to."""
    try:
        return parts.port != 0
    except ValueError:  # not a number, or above 65535
        return False


def explicit_port(netloc: str) -> str:
    """Return the port as text, also one that is no number; empty if the URL names none."""
    return netloc.rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else ""


def is_public_host(host: str) -> bool:
    """Whether the host is a name with a public suffix, and not an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return bool(PUBLIC_HOST_PATTERN.fullmatch(host)) and not host.endswith(PRIVATE_SUFFIXES)
    return False


def is_under_any_prefix(url: str, prefixes: tuple[str, ...]) -> bool:
    """Whether the URL begins with one of these: host names, or URLs up to a path."""
    return any(is_under_prefix(urlsplit(url), prefix) for prefix in prefixes)


def is_under_prefix(parts: SplitResult, prefix: str) -> bool:
    allowed = urlsplit(prefix if "://" in prefix else f"https://{prefix}")
    host = parts.hostname or ""
    if allowed.path in {"", "/"}:
        return host == allowed.hostname or host.endswith(f".{allowed.hostname}")
    return host == allowed.hostname and parts.path.startswith(allowed.path)
