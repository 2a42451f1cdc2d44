"""Protection against SSRF: sessions that connect only to public addresses, for users' URLs.

A host name is resolved once, all its addresses are checked, and the connection goes to a checked
address, so that a second DNS answer cannot redirect it to a private machine.
"""

import socket
import time
from collections.abc import Sequence
from threading import Thread

import requests
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from platforms.http.deadline import DeadlineConnection, DeadlineTLSConnection, create_session
from platforms.url_rules import is_public

RESOLVE_TIMEOUT = 3.0  # seconds; the system resolver's own timeout is longer than a lease


class PrivateHost(NewConnectionError):
    """At least one address of the host is not public."""


def resolve_host(host: str, port: int) -> list[str]:
    """Return all addresses of the host, in the resolver's order; empty if it fails or is slow."""
    addresses: list[str] = []
    thread = Thread(
        target=lookup_addresses, args=(host, port, addresses), name="resolve", daemon=True
    )
    thread.start()
    thread.join(RESOLVE_TIMEOUT)
    return list(addresses)


def lookup_addresses(host: str, port: int, addresses: list[str]) -> None:
    """Append the host's addresses to the list; none if the name does not exist."""
    try:
        records = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return
    addresses.extend(dict.fromkeys(str(record[4][0]) for record in records))


class _PublicHostCheck(HTTPConnection):
    """Replaces urllib3's way to connect, which would resolve the name once more."""

    def _new_conn(self) -> socket.socket:
        port = self.port or self.default_port
        addresses = resolve_host(self._dns_host, port)
        if not addresses:
            raise NewConnectionError(self, "the host name does not resolve")
        if not all(is_public(address) for address in addresses):
            raise PrivateHost(self, "the host has an address that is not public")
        return self._connect_to_any(addresses, port)

    def _connect_to_any(self, addresses: Sequence[str], port: int) -> socket.socket:
        """Connect to the first address that accepts; the timeout covers all of them together."""
        ends_at = time.monotonic() + (self.timeout or RESOLVE_TIMEOUT)
        for address in addresses:
            seconds_left = ends_at - time.monotonic()
            try:
                return socket.create_connection((address, port), max(seconds_left, 0.001))
            except TimeoutError:
                raise ConnectTimeoutError(self, "connecting to the host timed out") from None
            except OSError:
                continue
        raise NewConnectionError(self, "no address of the host accepts connections")


class _PublicConnection(_PublicHostCheck, DeadlineConnection):
    pass


class _PublicTLSConnection(_PublicHostCheck, DeadlineTLSConnection):
    pass


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTLSConnection


def create_public_session() -> requests.Session:
    """Create a session like `create_session`, but which connects only to public addresses."""
    return create_session({"http": _PublicPool, "https": _PublicTLSPool})
