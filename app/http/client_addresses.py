"""The address of the client, its scheme and host, as far as the proxies in front are trusted.

`REMOTE_ADDR` is an IP address afterwards or is missing, so that audit entries, sessions and rate
limits never hold another text. Proxies write addresses in several forms: with a port, in brackets,
with an IPv4 address inside an IPv6 one, or as a word such as `unknown`.

Source: RFC 7239 section 6 (nodes; read 2026-11-29), Azure Application Gateway's documentation of
X-Forwarded-For with ports (read 2026-11-29).
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import structlog
from flask import Flask, request

from app.http.request_paths import WsgiCallable
from core.config.settings import Settings

IpAddress = IPv4Address | IPv6Address

CLIENT_LABEL_KEY = "signalpost.client_label"  # in the WSGI environment
MAX_LABEL_CHARS = 100
BRACKETED_PATTERN = re.compile(r"\[([^\]]*)\](?::\d*)?")
IPV4_WITH_PORT_PATTERN = re.compile(r"([0-9.]+):\d*", re.ASCII)
IPV6_GROUPS = 8
IPV6_HOST_BITS = 64  # the part of an IPv6 address that one customer's network chooses freely
NAT64_PREFIX = int(IPv6Address("64:ff9b::")) >> 32  # the last 32 bits are an IPv4 address
IPV4_BITS = 32
HOST_PATTERN = re.compile(
    r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,4}|:[1-6]\d{4})?", re.ASCII
)
"""What the framework can make a URL of; a header of another form counts as missing."""
KNOWN_SCHEMES = frozenset({"http", "https"})

log = structlog.get_logger(__name__)


class TrustedProxies:
    """WSGI middleware: takes client, scheme and host from the headers of the trusted proxies."""

    def __init__(self, app: WsgiCallable, *, proxy_count: int) -> None:
        self._app, self._proxy_count = app, proxy_count
        self._has_warned = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        changed = dict(environ)
        label = self._find_client_text(environ)
        address = parse_address(label)
        changed.pop("REMOTE_ADDR", None)
        if address is not None:
            changed["REMOTE_ADDR"] = str(address)
        elif label:
            changed[CLIENT_LABEL_KEY] = label[:MAX_LABEL_CHARS]
            self._warn_once(label)
        scheme = self._find_trusted_value(environ.get("HTTP_X_FORWARDED_PROTO", "")).lower()
        if scheme in KNOWN_SCHEMES:
            changed["wsgi.url_scheme"] = scheme
        forwarded_host = self._find_trusted_value(environ.get("HTTP_X_FORWARDED_HOST", ""))
        host = forwarded_host or environ.get("HTTP_HOST", "")
        changed["HTTP_HOST"] = host if HOST_PATTERN.fullmatch(host) else ""
        return self._app(changed, start_response)

    def _find_client_text(self, environ: dict[str, Any]) -> str:
        """Return what the outermost trusted proxy that was passed wrote; else the connection's.

        A request that passed fewer proxies than there are has fewer entries; each of them was
        written by one of ours.
        """
        peer = str(environ.get("REMOTE_ADDR") or "")
        entries = split_list(environ.get("HTTP_X_FORWARDED_FOR", ""))
        if not self._proxy_count or not entries:
            return peer
        return entries[-min(self._proxy_count, len(entries))]

    def _find_trusted_value(self, header: str) -> str:
        values = split_list(header)
        if not self._proxy_count or len(values) < self._proxy_count:
            return ""
        return values[-self._proxy_count]

    def _warn_once(self, label: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("proxy.address_unreadable", value=label[:MAX_LABEL_CHARS])


def init_client_addresses(app: Flask, settings: Settings) -> None:
    app.wsgi_app = TrustedProxies(  # type: ignore[method-assign]  # the way Flask documents
        app.wsgi_app, proxy_count=settings.trusted_proxy_count
    )


def split_list(header: str) -> list[str]:
    """Return the entries of a header that is a list, without quotes and empty entries."""
    entries = (entry.strip().strip('"').strip() for entry in header.split(","))
    return [entry for entry in entries if entry]


def parse_address(text: str) -> IpAddress | None:
    """Return the address in a text with or without port, brackets and zone; None if it has none.

    An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is returned as IPv4.
    """
    if match := BRACKETED_PATTERN.fullmatch(text) or IPV4_WITH_PORT_PATTERN.fullmatch(text):
        text = match[1]
    elif text.count(":") == IPV6_GROUPS:  # all groups and a port, without brackets
        text = text.rpartition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def client_network() -> str:
    """Return what anonymous requests of this client are counted by.

    That is the IPv4 address, or the /64 network of an IPv6 address, except where many clients
    share one: then it is the IPv4 address inside, or the whole address.
    """
    address = parse_address(request.remote_addr or "")
    if not isinstance(address, IPv6Address):
        return str(address) if address else "label:" + client_label()
    if address.teredo:
        return str(address.teredo[1])
    if int(address) >> IPV4_BITS == NAT64_PREFIX:
        return str(IPv4Address(int(address) & (2**IPV4_BITS - 1)))
    if address.is_link_local or address.is_loopback:
        return str(address)
    return f"{int(address) >> IPV6_HOST_BITS:x}"


def client_label() -> str:
    """Return what the proxy wrote instead of an address, such as `unknown`."""
    return str(request.environ.get(CLIENT_LABEL_KEY, ""))


def has_shared_network() -> bool:
    """Whether the proxy does not say who the client is, so that many may share what it wrote."""
    return parse_address(request.remote_addr or "") is None
