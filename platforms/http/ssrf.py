"""Connections to hosts that somebody named to us: to public addresses, and to no others.

A name is resolved once; every address it has is checked, and a checked one is connected to, so
that it cannot mean another machine a moment later. Must not know what is sent.
"""

import socket
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread

import requests
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from platforms.http.deadline import DeadlineConnection, DeadlineTLSConnection, create_session

RESOLVE_TIMEOUT = 3.0  # seconds for a name to resolve: the resolver's own would outlast a lease
GLOBAL_UNICAST = ip_network(
    "2000::/3"
)  # RFC 4291: the rest is local, for many, or another protocol's
NAT64_PREFIX = ip_network("64:ff9b::/96")  # RFC 6052: its last four bytes are the IPv4 address


class PrivateHost(NewConnectionError):
    """One address of the host, at least, is where strangers may not send us."""


def is_public(address: str) -> bool:
    """One machine's, and reachable by anybody; so must be what hides in an IPv6 address."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast
    if found in NAT64_PREFIX:
        return is_public(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
    is_own = found in GLOBAL_UNICAST and found.is_global
    return is_own and all(is_public(str(each)) for each in embedded_ipv4(found))


def embedded_ipv4(address: IPv6Address) -> Sequence[IPv4Address]:
    """The IPv4 addresses that are reached through a tunnel of this name."""
    return [each for each in (address.sixtofour, *(address.teredo or ())) if each is not None]


def resolve_host(host: str, port: int) -> list[str]:
    """All its addresses, in the resolver's order; none if there are none in time."""
    found: list[str] = []
    thread = Thread(target=lookup_addresses, args=(host, port, found), name="resolve", daemon=True)
    thread.start()
    thread.join(RESOLVE_TIMEOUT)
    return list(found)


def lookup_addresses(host: str, port: int, found: list[str]) -> None:
    try:
        records = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return  # no such name, which an empty list says
    found.extend(dict.fromkeys(str(each[4][0]) for each in records))


class _PublicHostCheck(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        """In place of urllib3's own, which would resolve the name itself."""
        port = self.port or self.default_port
        addresses = resolve_host(self._dns_host, port)
        if not addresses:
            raise NewConnectionError(self, "no such host")
        if not all(is_public(address) for address in addresses):
            raise PrivateHost(self, "no public host")
        return self._connect_to_any(addresses, port)

    def _connect_to_any(self, addresses: Sequence[str], port: int) -> socket.socket:
        """To the first that takes us; the time to connect is for all of them together."""
        until = time.monotonic() + (self.timeout or RESOLVE_TIMEOUT)
        for address in addresses:
            left = until - time.monotonic()
            try:
                return socket.create_connection((address, port), max(left, 0.001))
            except TimeoutError:
                raise ConnectTimeoutError(self, "no connection in time") from None
            except OSError:
                continue
        raise NewConnectionError(self, "no address takes us")


class _PublicConnection(_PublicHostCheck, DeadlineConnection):
    pass


class _PublicTLSConnection(_PublicHostCheck, DeadlineTLSConnection):
    pass


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTLSConnection


def create_public_session() -> requests.Session:
    """Like any session of ours, but for whom it connects to."""
    return create_session({"http": _PublicPool, "https": _PublicTLSPool})
