"""Services built from settings as a process builds them, on the databases of a test."""

from contextlib import contextmanager

from core.bootstrap import build_services
from core.config.settings import Settings
from core.encryption_keys import generate_key


@contextmanager
def open_services(database_url, redis_url, **settings):
    """Build the services with the least settings and these."""
    least = {
        "DATABASE_URL": database_url,
        "BROKER_URL": redis_url,
        "SECRET_KEY": "a-secret-key-of-the-tests",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
    }
    services = build_services(Settings.from_env({**least, **settings}), wake=lambda _kind: None)
    yield services
    services.redis.close()
