"""Addresses of our stores: Postgres, broker, Redis, files. Pure, and never quotes an address."""

from urllib.parse import parse_qs

from core.config.environment import Malformed
from core.config.formats import split

DIALECT = "postgresql+psycopg2"
POSTGRES = frozenset({"postgresql", "postgres", DIALECT})
REDIS = frozenset({"redis", "rediss"})
BROKERS = REDIS | {"amqp", "amqps"}
LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})


def database_url(value: str) -> str:
    """As SQLAlchemy wants it, whichever of its names for Postgres was written."""
    if split(value).scheme not in POSTGRES:
        raise Malformed("must begin with postgresql://")
    return DIALECT + value[value.index(":") :]


def encrypted(url: str, sslmode: str | None) -> str:
    """The same address; a server elsewhere has to prove who it is unless `sslmode` says less."""
    asked = parse_qs(split(url).query)
    host = asked.get("host", [split(url).hostname or ""])[0]
    is_local = host in LOCAL or host.startswith("/")
    if "sslmode" in asked or (is_local and sslmode is None):
        return url
    return f"{url}{'&' if split(url).query else '?'}sslmode={sslmode or 'verify-full'}"


def broker_url(value: str) -> str:
    if split(value).scheme not in BROKERS:
        raise Malformed("must begin with redis://, rediss://, amqp:// or amqps://")
    return value


def redis_url(value: str) -> str:
    if split(value).scheme not in REDIS:
        raise Malformed("must begin with redis:// or rediss://")
    return value


def is_redis(url: str) -> bool:
    return split(url).scheme in REDIS


def media_url(value: str) -> str:
    url = split(value)
    if url.scheme == "s3":
        raise Malformed("s3:// is not supported yet: use file:///an/absolute/folder")
    if url.scheme != "file" or url.netloc or not url.path.startswith("/"):
        raise Malformed("must be file:///an/absolute/folder")
    return value
