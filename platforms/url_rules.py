"""Checks URLs that users supply: https, a public host name, no user, no other port.

Names are not resolved here; `platforms.http.ssrf` resolves them when it connects, and asks
`is_public`.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
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

# A list of our own, because Python's knows fewer ranges, and others in each version.
# Source: IANA IPv4 Special-Purpose Address Registry, read 2026-11-29; Microsoft Learn, "What is IP
# address 168.63.129.16?", read 2026-11-29.
NON_PUBLIC_IPV4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this" network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; 100.100.100.200 is a cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform services, reached from inside only
        "169.254.0.0/16",  # link-local; 169.254.169.254 is the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocols; 192.0.0.192 is Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)
GLOBAL_UNICAST = ip_network("2000::/3")
"""RFC 4291: all other IPv6 addresses are local, multicast or embed another protocol's address."""

# Source: IANA IPv6 Special-Purpose Address Registry, read 2026-11-29.
NON_PUBLIC_IPV6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: a tunnel to any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, returned
        "3fff::/20",  # documentation
    )
)
NAT64_PREFIX = ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are the IPv4 address
IPV4_MASK = 0xFFFF_FFFF
ISATAP_MARKS = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""RFC 5214: the third quarter of an address that tunnels to the IPv4 address in the last one."""


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


def is_listed_host(host: str, names: Collection[str]) -> bool:
    """Whether the host is one of these names; `.example.org` stands for every name below it."""
    folded = host.lower().rstrip(".")
    return any(folded.endswith(name) if name.startswith(".") else folded == name for name in names)


def is_public_host(host: str) -> bool:
    """Whether the host is a name with a public suffix, and not an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return bool(PUBLIC_HOST_PATTERN.fullmatch(host)) and not host.endswith(PRIVATE_SUFFIXES)
    return False


def is_public(address: str) -> bool:
    """Whether the IP address is unicast and reachable from everywhere.

    Errors: ValueError if it is no IP address.
    """
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in NON_PUBLIC_IPV4)
    if parsed in NAT64_PREFIX:
        return is_public(str(IPv4Address(int(parsed) & IPV4_MASK)))
    is_special = any(parsed in network for network in NON_PUBLIC_IPV6)
    return parsed in GLOBAL_UNICAST and not is_special and not is_isatap(parsed)


def is_isatap(address: IPv6Address) -> bool:
    return int(address) >> 32 & IPV4_MASK in ISATAP_MARKS


def is_under_any_prefix(url: str, prefixes: tuple[str, ...]) -> bool:
    """Whether the URL begins with one of these: host names, or URLs up to a path."""
    return any(is_under_prefix(urlsplit(url), prefix) for prefix in prefixes)


def is_under_prefix(parts: SplitResult, prefix: str) -> bool:
    allowed = urlsplit(prefix if "://" in prefix else f"https://{prefix}")
    host = parts.hostname or ""
    if allowed.path in {"", "/"}:
        return host == allowed.hostname or host.endswith(f".{allowed.hostname}")
    return host == allowed.hostname and parts.path.startswith(allowed.path)
