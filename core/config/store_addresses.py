"""The address of a Redis or a RabbitMQ as a value, and its URL in the form that we pass on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, Self
from urllib.parse import quote, urlencode

REDIS_PORT, SENTINEL_PORT, AMQP_PORT, AMQPS_PORT = 6379, 26379, 5672, 5671
TRUE_TEXT, FALSE_TEXT = "true", "false"


@dataclass(frozen=True)
class StoreTls:
    """How a server is verified. Without a file of authorities, those of the system count."""

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    is_certificate_checked: bool = True
    is_name_checked: bool = True

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str], *, has_tls: bool) -> Self | None:
        """Errors: ValueError for parameters of TLS in a URL without TLS."""
        if not has_tls:
            if parameters:
                raise ValueError(
                    "has parameters of TLS, and its scheme is without TLS: "
                    "write rediss:// or amqps://"
                )
            return None
        return cls(
            ca_file=parameters.get("ca_file"),
            certificate_file=parameters.get("certificate_file"),
            key_file=parameters.get("key_file"),
            is_certificate_checked=parameters.get("verification", "required") != "none",
            is_name_checked=parameters.get("name_check", TRUE_TEXT) == TRUE_TEXT,
        )

    @property
    def is_verified(self) -> bool:
        """Whether chain and host name of the server's certificate are checked."""
        return self.is_certificate_checked and self.is_name_checked

    def query_parameters(self) -> dict[str, str]:
        """The parameters that describe this, as redis-py names them."""
        texts = {
            "ssl_ca_certs": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file,
            "ssl_cert_reqs": None if self.is_certificate_checked else "none",
            "ssl_check_hostname": None if self.is_name_checked else FALSE_TEXT,
        }
        return {name: text for name, text in texts.items() if text is not None}


@dataclass(frozen=True)
class StoreAddress:
    """One server, or a Redis that several Sentinels know by its name.

    Shapes: a Redis has a `database`, and host and port, or a `socket_path`, or `sentinels`; a
    RabbitMQ has host, port and `vhost`. Texts are decoded; empty means absent.
    """

    kind: Literal["redis", "amqp"]
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    vhost: str = ""
    socket_path: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    master_name: str = ""
    sentinel_password: str = field(default="", repr=False)
    tls: StoreTls | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every machine that is connected to; none for a socket file."""
        if self.socket_path:
            return ()
        return tuple(host for host, _ in self.sentinels) or (self.host,)

    @property
    def is_private(self) -> bool:
        """Whether nobody between us and the server can read along or take its place."""
        is_verified = self.tls is not None and self.tls.is_verified
        return is_verified or all(is_loopback(host) for host in self.hosts)

    @property
    def url(self) -> str:
        """The address as text, everything encoded. The parser returns the same address for it."""
        return f"{self._scheme()}://{self._user_info()}{self._location()}{self._query()}"

    @property
    def login_url(self) -> str:
        """The same without parameters, as kombu and Flower read it."""
        if self.socket_path:
            return f"redis+socket://{self._user_info()}{quote(self.socket_path)}"
        if self.sentinels:
            return ";".join(
                f"sentinel://{self._user_info()}{bracket_host(host)}:{port}/{self.database}"
                for host, port in self.sentinels
            )
        path = quote(self.vhost, safe="") if self.kind == "amqp" else str(self.database)
        server = f"{bracket_host(self.host)}:{self.port}"
        return f"{self._scheme()}://{self._user_info()}{server}/{path}"

    def _scheme(self) -> str:
        if self.socket_path:
            return "unix"
        if self.sentinels:
            return "sentinel"
        return self.kind + ("s" if self.tls else "")

    def _user_info(self) -> str:
        if not self.password:
            return ""
        return f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"

    def _location(self) -> str:
        if self.socket_path:
            return quote(self.socket_path)
        servers = self.sentinels or ((self.host, self.port),)
        authority = ",".join(self._server_text(host, port) for host, port in servers)
        name = quote(self.vhost, safe="") if self.kind == "amqp" else str(self.database)
        return f"{authority}/{name}"

    def _server_text(self, host: str, port: int) -> str:
        """Host and port; the port is left out if it is the usual one of the scheme."""
        usual_port = {
            "redis": REDIS_PORT,
            "rediss": REDIS_PORT,
            "sentinel": SENTINEL_PORT,
            "amqp": AMQP_PORT,
            "amqps": AMQPS_PORT,
        }[self._scheme()]
        return bracket_host(host) + ("" if port == usual_port else f":{port}")

    def _query(self) -> str:
        parameters = self.tls.query_parameters() if self.tls else {}
        if self.socket_path and self.database:
            parameters["db"] = str(self.database)
        if self.sentinels:
            parameters["master_name"] = self.master_name
        if self.sentinel_password:
            parameters["sentinel_password"] = self.sentinel_password
        return f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""


def bracket_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its very name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
