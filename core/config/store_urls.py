"""Addresses of our stores: Postgres, broker, Redis, files. Pure, and never quotes an address."""

from urllib.parse import parse_qs

from core.config.environment import MalformedSetting
from core.config.parsers import split_url

SQLALCHEMY_DIALECT = "postgresql+psycopg2"
POSTGRES_SCHEMES = frozenset({"postgresql", "postgres", SQLALCHEMY_DIALECT})
REDIS_SCHEMES = frozenset({"redis", "rediss"})
BROKER_SCHEMES = REDIS_SCHEMES | {"amqp", "amqps"}
LOCAL_HOSTS = frozenset({"", "localhost", "127.0.0.1", "::1"})


def database_url(value: str) -> str:
    """As SQLAlchemy wants it, whichever of its names for Postgres was written."""
    if split_url(value).scheme not in POSTGRES_SCHEMES:
        raise MalformedSetting("must begin with postgresql://")
    return SQLALCHEMY_DIALECT + value[value.index(":") :]


def with_sslmode(url: str, sslmode: str | None) -> str:
    """The same address; a server elsewhere has to prove who it is unless `sslmode` says less."""
    query = parse_qs(split_url(url).query)
    host = query.get("host", [split_url(url).hostname or ""])[0]
    is_local = host in LOCAL_HOSTS or host.startswith("/")
    if "sslmode" in query or (is_local and sslmode is None):
        return url
    return f"{url}{'&' if split_url(url).query else '?'}sslmode={sslmode or 'verify-full'}"


def broker_url(value: str) -> str:
    if split_url(value).scheme not in BROKER_SCHEMES:
        raise MalformedSetting("must begin with redis://, rediss://, amqp:// or amqps://")
    return value


def redis_url(value: str) -> str:
    if split_url(value).scheme not in REDIS_SCHEMES:
        raise MalformedSetting("must begin with redis:// or rediss://")
    return value


def is_redis_url(url: str) -> bool:
    return split_url(url).scheme in REDIS_SCHEMES


def media_url(value: str) -> str:
    url = split_url(value)
    if url.scheme == "s3":
        raise MalformedSetting("s3:// is not supported yet: use file:///an/absolute/folder")
    if url.scheme != "file" or url.netloc or not url.path.startswith("/"):
        raise MalformedSetting("must be file:///an/absolute/folder")
    return value
