"""Which names in the header Host are ours: a request with another one is refused.

Pages and redirects may contain the name, so a foreign one could lead people elsewhere. Signed
deliveries and health checks are answered under every name: the former are judged by their
signature, the latter are called by IP address.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.sansio.utils import host_is_trusted

from app.http.context import current_container
from app.http.request_log import WEBHOOK_PATH_PREFIX
from core.config.settings import Settings
from core.errors import Invalid

PROBE_PATHS = ("/healthz", "/readyz", "/statusz", "/metrics")
"""Called from the private network, by IP address and without TLS."""

LOCALHOST_NAMES = ("localhost", ".localhost")


class UntrustedHost(Invalid):
    """The request names a host that is not this installation."""

    code = "untrusted_host"


def init_trusted_hosts(app: Flask, settings: Settings) -> None:
    names = list_trusted_hosts(settings)
    app.before_request(lambda: check_host(names))


def list_trusted_hosts(settings: Settings) -> tuple[str, ...]:
    """Return the host of PUBLIC_URL, TRUSTED_HOSTS and, outside production, `localhost`."""
    own_name = urlsplit(settings.public_url).hostname or ""
    own_host = f"[{own_name}]" if ":" in own_name else own_name
    local_names = () if settings.is_production else LOCALHOST_NAMES
    return (own_host, *settings.trusted_hosts, *local_names)


def check_host(names: tuple[str, ...]) -> None:
    """Errors: UntrustedHost."""
    if request.path in PROBE_PATHS or request.path.startswith(WEBHOOK_PATH_PREFIX):
        return
    host = request.headers.get("Host", "").lower()
    if not host:  # also if it could not be read, see client_addresses.py
        raise UntrustedHost(
            "the request must have the header Host once, with a name and perhaps a port: use the"
            " address in PUBLIC_URL"
        )
    is_local = not current_container().settings.is_production and is_loopback(host)
    if not is_local and not host_is_trusted(host, names):
        raise UntrustedHost(
            "the header Host names another host than PUBLIC_URL: use the address in PUBLIC_URL, or"
            " add the name to TRUSTED_HOSTS"
        )


def is_loopback(host: str) -> bool:
    """Whether a Host header is an IP address of this machine, with or without a port."""
    try:
        return ip_address(urlsplit(f"//{host}").hostname or "").is_loopback
    except ValueError:
        return False
