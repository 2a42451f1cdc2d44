"""The one parser of BROKER_URL and REDIS_URL: every client is built from what it returns.

The libraries behind us read the same URL differently: one ignores `?db=`, another a path that is
no number, a third verifies no certificate by default. So none of them is given the operator's
text. What is parsed here is written again in one form (`StoreAddress.url`), which parses to the
same address.

Errors: ValueError with a message that continues the setting's name. No message quotes the text.
"""

import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Literal
from urllib.parse import unquote

from core.config.store_addresses import (
    AMQP_PORT,
    AMQPS_PORT,
    REDIS_PORT,
    SENTINEL_PORT,
    StoreAddress,
    StoreTls,
)
from core.config.store_parameters import read_parameters

Kind = Literal["redis", "amqp", "sentinel"]


@dataclass(frozen=True)
class Scheme:
    """What a scheme says: which servers, and whether with TLS or over a socket file."""

    kind: Kind
    port: int = 0
    has_tls: bool = False
    is_socket: bool = False


PLAIN_REDIS = Scheme("redis", REDIS_PORT)
TLS_REDIS = Scheme("redis", REDIS_PORT, has_tls=True)
SOCKET_REDIS = Scheme("redis", is_socket=True)
SCHEMES = {
    "redis": PLAIN_REDIS,
    "valkey": PLAIN_REDIS,
    "rediss": TLS_REDIS,
    "valkeys": TLS_REDIS,
    "unix": SOCKET_REDIS,
    "redis+socket": SOCKET_REDIS,
    "sentinel": Scheme("sentinel", SENTINEL_PORT),
    "amqp": Scheme("amqp", AMQP_PORT),
    "pyamqp": Scheme("amqp", AMQP_PORT),
    "amqps": Scheme("amqp", AMQPS_PORT, has_tls=True),
}
CLUSTER_ADVICE = (
    "must not name a Redis Cluster: Celery's messages and our limits need all keys on one server; "
    "name a Redis without cluster mode, or one behind Sentinel"
)
SENTINEL_ADVICE = "must name Sentinels as sentinel://host:26379,host:26379/0?master_name=NAME"
UNSUPPORTED_SCHEMES = {
    "redis-cluster": CLUSTER_ADVICE,
    "rediss-cluster": CLUSTER_ADVICE,
    "redis+cluster": CLUSTER_ADVICE,
    "rediscluster": CLUSTER_ADVICE,
    "redis-sentinel": SENTINEL_ADVICE,
    "redis+sentinel": SENTINEL_ADVICE,
    "rediss-sentinel": SENTINEL_ADVICE,
    "librabbitmq": "must begin with amqp:// instead of librabbitmq://",
    "redis-socket": "must name a socket as unix:///path/to/redis.sock?db=0",
}
REDIS_FORMS = "redis://, rediss://, unix:// or sentinel://"
BROKER_FORMS = "redis://, rediss://, unix://, sentinel://, amqp:// or amqps://"
ENCODING_ADVICE = (
    "must have special characters of user and password percent-encoded: "
    "@ is %40, : is %3A, / is %2F, # is %23, ? is %3F, ; is %3B, % is %25"
)
HOST_PATTERN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})")
MAX_DATABASE = 65_535


def parse_broker_url(value: str) -> str:
    """Return BROKER_URL in our form, the addresses of a RabbitMQ cluster joined by `;`."""
    return ";".join(address.url for address in parse_broker_addresses(value))


def parse_redis_url(value: str) -> str:
    """Return REDIS_URL in our form."""
    return parse_redis_address(value).url


def parse_redis_address(value: str) -> StoreAddress:
    """Parse the address of one Redis."""
    (address, *_) = parse_addresses(value, REDIS_FORMS)
    if address.kind != "redis":
        raise ValueError(f"must begin with {REDIS_FORMS}")
    return address


def parse_broker_addresses(value: str) -> tuple[StoreAddress, ...]:
    """Parse the addresses of the broker: one, or several of a RabbitMQ cluster."""
    addresses = parse_addresses(value, BROKER_FORMS)
    if addresses[0].socket_path and (addresses[0].database or addresses[0].user):
        # Flower's client for sockets reads database 0 as the default user, whatever the URL says.
        raise ValueError("must name database 0 and no user where it names a socket")
    return addresses


def with_ca_file(url: str, path: str | None) -> str:
    """Add a file of authorities to the addresses with TLS that name none."""
    if path is None:
        return url
    addresses = parse_addresses(url, BROKER_FORMS)
    return ";".join(add_ca_file(address, path).url for address in addresses)


def add_ca_file(address: StoreAddress, path: str) -> StoreAddress:
    if address.tls is None or address.tls.ca_file is not None:
        return address
    return replace(address, tls=replace(address.tls, ca_file=path))


def find_passwords(url: str) -> list[str]:
    """Every password in an address, for the redaction of logs; none for an empty text."""
    addresses = parse_addresses(url, BROKER_FORMS) if url else ()
    return [text for each in addresses for text in (each.password, each.sentinel_password) if text]


def is_same_server(url: str, other_url: str) -> bool:
    """Whether two addresses lead to one server, whatever their user and database."""
    first, second = (
        [
            (each.kind, each.hosts, each.port, each.socket_path)
            for each in parse_broker_addresses(text)
        ]
        for text in (url, other_url)
    )
    return first == second


def is_amqp_url(value: str) -> bool:
    """Whether the text begins as the address of a RabbitMQ does."""
    scheme = SCHEMES.get(strip_quotes(value).partition("://")[0].lower())
    return scheme is not None and scheme.kind == "amqp"


def parse_addresses(value: str, forms: str) -> tuple[StoreAddress, ...]:
    texts = [text.strip() for text in strip_quotes(value).split(";") if text.strip()]
    if not texts:
        raise ValueError(f"must begin with {forms}")
    if re.search(r"[\x00-\x20\x7f]", "".join(texts)):
        raise ValueError("must be one URL without blanks, tabs and line breaks")
    if all(text.startswith("sentinel://") for text in texts):
        return (parse_sentinels(texts),)
    addresses = tuple(parse_address(text, forms) for text in texts)
    if len(addresses) > 1 and any(address.kind == "redis" for address in addresses):
        message = "must name one Redis: several with ; between them would not share their messages"
        raise ValueError(f"{message}; {SENTINEL_ADVICE.removeprefix('must ')}")
    if len({address.tls for address in addresses}) > 1:
        raise ValueError("must name addresses that all have the same TLS settings")
    return addresses


def strip_quotes(value: str) -> str:
    """Drop white space and one pair of quotes: container tools keep those of an env file."""
    text = value.strip()
    has_quotes = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if has_quotes else text


@dataclass(frozen=True)
class UrlParts:
    """A URL cut at its delimiters, nothing decoded but user and password."""

    scheme: Scheme
    user: str
    password: str
    hosts: str
    path: str
    query: str


def split_store_url(text: str, forms: str) -> UrlParts:
    """Cut a URL, and refuse one whose password runs into the rest.

    By the rules of URLs the first `/`, `?` or `#` ends the address of the server, so an `@` behind
    it belongs to a password that was not encoded.
    """
    scheme = find_scheme(text, forms)
    rest = text.partition("://")[2]
    authority, path, query = re.fullmatch(r"([^/?#]*)([^?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]  # it matches any text
    user_info, has_user_info, hosts = authority.rpartition("@")
    if query.startswith("#") or "#" in query or "@" in path + query + user_info:
        raise ValueError(ENCODING_ADVICE)
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest) or set(user_info) & set("[]"):
        raise ValueError(ENCODING_ADVICE)
    user, has_password, password = user_info.partition(":")
    if has_user_info and not has_password and scheme.kind != "amqp":
        raise ValueError("must have a password behind its user: `user:password@` or `:password@`")
    if user and not password:
        raise ValueError("has an empty password: write `user:password@`")
    return UrlParts(
        scheme, decode_text(user), decode_text(password), hosts, path, query.removeprefix("?")
    )


def decode_text(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:  # a % that was not encoded, before what looks like two hex digits
        raise ValueError(ENCODING_ADVICE) from None


def find_scheme(text: str, forms: str) -> Scheme:
    name, delimiter, _ = text.partition("://")
    name = name.lower()
    if not delimiter:
        raise ValueError(f"must begin with {forms}")
    if name in UNSUPPORTED_SCHEMES:
        raise ValueError(UNSUPPORTED_SCHEMES[name])
    scheme = SCHEMES.get(name)
    if scheme is None or (scheme.kind == "amqp" and forms == REDIS_FORMS):
        raise ValueError(f"must begin with {forms}")
    return scheme


def parse_address(text: str, forms: str) -> StoreAddress:
    parts = split_store_url(text, forms)
    if parts.scheme.kind == "amqp":
        return parse_rabbitmq(parts)
    if parts.scheme.is_socket:
        return parse_socket(parts)
    if parts.scheme.kind == "sentinel":
        raise ValueError(SENTINEL_ADVICE)  # beside an address of another kind
    parameters = read_parameters(parts.query, "redis")
    host, port = parse_host(parts.hosts, parts.scheme.port)
    return StoreAddress(
        kind="redis",
        host=host,
        port=port,
        user=parts.user,
        password=parts.password,
        database=parse_database(parts.path, parameters.pop("database", None)),
        tls=StoreTls.from_parameters(parameters, has_tls=parts.scheme.has_tls),
    )


def parse_rabbitmq(parts: UrlParts) -> StoreAddress:
    """Parse the address of a RabbitMQ; without a path, and with an empty one, its vhost is `/`."""
    parameters = read_parameters(parts.query, "amqp")
    host, port = parse_host(parts.hosts, parts.scheme.port)
    return StoreAddress(
        kind="amqp",
        host=host,
        port=port,
        user=parts.user or "guest",
        password=parts.password or "guest",
        vhost=decode_text(parts.path[1:]) or "/",
        tls=StoreTls.from_parameters(parameters, has_tls=parts.scheme.has_tls),
    )


def parse_socket(parts: UrlParts) -> StoreAddress:
    parameters = read_parameters(parts.query, "socket")
    if parts.hosts or len(parts.path) < len("/x"):
        raise ValueError("must name a socket as unix:///path/to/redis.sock?db=0")
    return StoreAddress(
        kind="redis",
        socket_path=decode_text(parts.path),
        user=parts.user,
        password=parts.password,
        database=parse_database("", parameters.get("database")),
    )


def parse_sentinels(texts: list[str]) -> StoreAddress:
    """Parse Sentinels, in one URL with commas or in several with `;`, as kombu documents them."""
    all_parts = [split_store_url(text, REDIS_FORMS) for text in texts]
    first = all_parts[0]
    parameters: dict[str, str] = {}
    for parts in all_parts:
        parameters |= read_parameters(parts.query, "sentinel")
    if not parameters.get("master_name"):
        raise ValueError(SENTINEL_ADVICE)
    hosts = [host for parts in all_parts for host in parts.hosts.split(",")]
    path = next((parts.path for parts in reversed(all_parts) if parts.path), "")
    return StoreAddress(
        kind="redis",
        sentinels=tuple(parse_host(host, first.scheme.port) for host in hosts),
        master_name=parameters["master_name"],
        sentinel_password=parameters.get("sentinel_password", ""),
        user=first.user,
        password=first.password,
        database=parse_database(path, parameters.get("database")),
    )


def parse_host(text: str, default_port: int) -> tuple[str, int]:
    """Return host and port; a host that is an IPv6 address stands in brackets."""
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::(\d{1,5}))?", text, re.ASCII)
    if match is None or not is_host(match[1]):
        raise ValueError(
            "must name a host, and a port if it is not the usual one: host:port, or [::1]:port; "
            f"otherwise it {ENCODING_ADVICE}"
        )
    port = int(match[2] or default_port)
    if not 0 < port < 2**16:
        raise ValueError("must name a port from 1 to 65535")
    return match[1].strip("[]").lower(), port


def is_host(text: str) -> bool:
    if not text.startswith("["):
        return HOST_PATTERN.fullmatch(text) is not None
    try:
        IPv6Address(text[1:-1])
    except ValueError:
        return False
    return True


def parse_database(path: str, parameter: str | None) -> int:
    """Return the number of the database, which stands in the path or in `?db=`."""
    texts = {text for text in (path.removeprefix("/"), parameter or "") if text}
    if any(re.fullmatch(r"\d{1,5}", text, re.ASCII) is None for text in texts):
        raise ValueError("must name its database by a number, as in redis://host:6379/0")
    numbers = {int(text) for text in texts} or {0}
    if len(numbers) > 1:
        raise ValueError("names two databases: one in its path, another in ?db=")
    return numbers.pop()
