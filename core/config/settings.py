"""What this installation is told from outside, read once. Must never show a value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from dotenv import dotenv_values

from core.config.access import Jwt, jwt
from core.config.apps import Instagram, TikTok, needed, tiktok_app
from core.config.environment import Environment, names_of, setting
from core.config.figures import Figures
from core.config.formats import flag, lasting, natural, one_of, secret, several, text, web_url
from core.config.keyring import MANY, ONE, Ring, ring
from core.config.rules import absent, agree, harden
from core.config.stores import broker_url, database_url, encrypted, media_url, redis_url
from platforms.base import App
from platforms.secret import Secret

ROLES = ("web", "worker", "uploads", "beat", "flower", "cli")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """Every setting as a value. Platforms that are not complete are off, and `missing` says why."""

    environment: str = setting(
        "ENVIRONMENT", one_of("development", "test", "production"), default="development"
    )
    role: str = setting("SIGNALPOST_ROLE", one_of(*ROLES), default="cli")
    database_url: str = setting("DATABASE_URL", database_url)
    sslmode: str | None = setting("PGSSLMODE", one_of(*SSL_MODES), default=None)
    broker_url: str = setting("BROKER_URL", broker_url)
    redis_url: str = setting("REDIS_URL", redis_url, default="")
    media_url: str | None = setting("MEDIA_URL", media_url, default=None)

    public_url: str = setting("PUBLIC_URL", web_url, default="http://127.0.0.1:8000")
    secret_key: Secret = setting("SECRET_KEY", secret)
    trusted_proxy_count: int = setting("TRUSTED_PROXY_COUNT", natural, default=0)
    session_lifetime: timedelta = setting(
        "SESSION_DAYS", lasting("days"), default=timedelta(days=14)
    )
    worker_secret: Secret | None = setting(
        "WORKER_SECRET", secret, default=None, also=("CRON_SECRET",)
    )
    metrics_token: Secret | None = setting("METRICS_TOKEN", secret, default=None)
    flower_basic_auth: Secret | None = setting("FLOWER_BASIC_AUTH", secret, default=None)
    crm_webhook_secret: Secret | None = setting("CRM_WEBHOOK_SECRET", secret, default=None)
    crm_webhook_providers: tuple[str, ...] = setting("CRM_WEBHOOK_PROVIDERS", several, default=())
    endpoint_private_hosts: bool = setting("ENDPOINT_PRIVATE_HOSTS", flag, default=False)
    slack_webhook_url: Secret | None = setting("SLACK_WEBHOOK_URL", secret, default=None)
    alert_email: str | None = setting("ALERT_EMAIL", text, default=None)
    publish_mode: str = setting("PUBLISH_MODE", one_of("live", "shadow", "dry_run"), default="live")
    log_format: str = setting("LOG_FORMAT", one_of("json", "text"), default="json")
    log_level: str = setting("LOG_LEVEL", one_of(*LEVELS), default="INFO")

    keys: Ring
    jwt: Jwt | None = None
    limits: Figures = field(default_factory=Figures)
    tiktok: TikTok = field(default_factory=TikTok)
    instagram: Instagram = field(default_factory=Instagram)
    apps: Mapping[str, App] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    given: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Settings({self.environment}, {self.role}, platforms: {', '.join(self.apps)})"

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @staticmethod
    def env_names() -> tuple[str, ...]:
        """Every name that is read; the ones that are set stand in `given`."""
        kinds = (Settings, Jwt, Figures, TikTok, Instagram)
        found = [name.name for kind in kinds for name in names_of(kind).values()]
        return tuple(sorted([*found, ONE.name, MANY.name]))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Errors: Misconfigured, naming everything that is missing or malformed."""
        environment = Environment(environ)
        own = environment.values(cls)
        host, keys = jwt(environment), ring(environment)
        parts: dict[type, dict[str, Any]] = {
            kind: environment.values(kind) for kind in (Figures, TikTok, Instagram)
        }
        agree(environment, own)
        if own["environment"] == "production":
            harden(environment, {**parts, Settings: own, Jwt: host or {}})
        environment.check()
        tiktok, instagram = TikTok(**parts[TikTok]), Instagram(**parts[Instagram])
        return cls(
            **own,
            keys=keys,
            jwt=Jwt(**host) if host else None,
            limits=Figures(**parts[Figures]),
            tiktok=tiktok,
            instagram=instagram,
            apps={"tiktok": app} if (app := tiktok_app(tiktok)) else {},
            missing=absent(needed(instagram), environment.given),
            given=frozenset(environment.given),
        )


@cache
def load() -> Settings:
    """The settings of this process. Errors: Misconfigured."""
    return Settings.from_env(surroundings())


def database_alone() -> str:
    """The database's address, for whoever migrates where nothing else is set up yet.

    Errors: Misconfigured.
    """
    environment, names = Environment(surroundings()), names_of(Settings)
    url, sslmode = (environment.value(names[field]) for field in ("database_url", "sslmode"))
    environment.check()
    return encrypted(url, sslmode)


def surroundings() -> dict[str, str]:
    environ = dict(os.environ)
    if environ.get("ENVIRONMENT") != "production":
        written = dotenv_values(".env", interpolate=False)
        environ = {name: value for name, value in written.items() if value} | environ
    return environ
