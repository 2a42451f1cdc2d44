"""Addresses that people give us: public https ones and nothing else. Pure; resolves no name."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST = 2048
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
PRIVATE = (
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


def public_https(url: str) -> str:
    """The address as given. Errors: ValueError that says what is wrong and quotes nothing."""
    if len(url) > LONGEST:
        raise ValueError(f"must not be longer than {LONGEST} characters")
    if any(not "!" <= sign <= "~" for sign in url) or "\\" in url:
        raise ValueError("must not contain blanks, backslashes or characters beyond ASCII")
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user")
    if port(parts.netloc) not in {"", "443"}:
        raise ValueError("must not name another port than 443")
    if not is_public(parts.hostname or ""):
        raise ValueError("must name a public host")
    return url


def port(netloc: str) -> str:
    return netloc.rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else ""


def is_public(host: str) -> bool:
    """A name of at least two parts that is no address in disguise."""
    try:
        ip_address(host)
    except ValueError:
        return bool(HOST.fullmatch(host)) and not host.endswith(PRIVATE)
    return False


def is_below(url: str, prefixes: tuple[str, ...]) -> bool:
    """Whether the address lies below one of these: hosts, or addresses up to a path."""
    return any(below(urlsplit(url), prefix) for prefix in prefixes)


def below(parts: SplitResult, prefix: str) -> bool:
    wanted = urlsplit(prefix if "://" in prefix else f"https://{prefix}")
    host = parts.hostname or ""
    if wanted.path in {"", "/"}:
        return host == wanted.hostname or host.endswith(f".{wanted.hostname}")
    return host == wanted.hostname and parts.path.startswith(wanted.path)
