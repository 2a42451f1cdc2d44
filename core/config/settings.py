"""What this installation is told from outside, read once. Must never show a value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from dotenv import dotenv_values

from core.config.cross_checks import (
    check_production_settings,
    complete_store_urls,
    missing_setting_names,
)
from core.config.encryption_keys import (
    KEY_LIST_SETTING,
    SINGLE_KEY_SETTING,
    EncryptionKeys,
    read_encryption_keys,
)
from core.config.environment import Environment, setting, setting_specs
from core.config.host_jwt import HostJwtSettings, read_host_jwt
from core.config.limits import LimitSettings
from core.config.parsers import (
    duration_in,
    one_of,
    parse_flag,
    parse_non_negative_int,
    parse_secret,
    parse_text,
    parse_web_url,
    parse_words,
)
from core.config.platform_apps import (
    InstagramSettings,
    TikTokSettings,
    build_tiktok_app,
    required_setting_names,
)
from core.config.store_urls import broker_url, database_url, media_url, redis_url, with_sslmode
from platforms.base import PlatformApp
from platforms.secret import Secret

PROCESS_ROLES = ("web", "worker", "uploads", "beat", "flower", "cli")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """Every setting as a value. Platforms that are not complete are off, and `missing` says why."""

    environment: str = setting(
        "ENVIRONMENT", one_of("development", "test", "production"), default="development"
    )
    role: str = setting("SIGNALPOST_ROLE", one_of(*PROCESS_ROLES), default="cli")
    database_url: str = setting("DATABASE_URL", database_url)
    sslmode: str | None = setting("PGSSLMODE", one_of(*SSL_MODES), default=None)
    broker_url: str = setting("BROKER_URL", broker_url)
    redis_url: str = setting("REDIS_URL", redis_url, default="")
    media_url: str | None = setting("MEDIA_URL", media_url, default=None)

    public_url: str = setting("PUBLIC_URL", parse_web_url, default="http://127.0.0.1:8000")
    secret_key: Secret = setting("SECRET_KEY", parse_secret)
    trusted_proxy_count: int = setting("TRUSTED_PROXY_COUNT", parse_non_negative_int, default=0)
    session_lifetime: timedelta = setting(
        "SESSION_DAYS", duration_in("days"), default=timedelta(days=14)
    )
    worker_secret: Secret | None = setting(
        "WORKER_SECRET", parse_secret, default=None, aliases=("CRON_SECRET",)
    )
    metrics_token: Secret | None = setting("METRICS_TOKEN", parse_secret, default=None)
    flower_basic_auth: Secret | None = setting("FLOWER_BASIC_AUTH", parse_secret, default=None)
    crm_webhook_secret: Secret | None = setting("CRM_WEBHOOK_SECRET", parse_secret, default=None)
    crm_webhook_providers: tuple[str, ...] = setting(
        "CRM_WEBHOOK_PROVIDERS", parse_words, default=()
    )
    endpoint_private_hosts: bool = setting("ENDPOINT_PRIVATE_HOSTS", parse_flag, default=False)
    slack_webhook_url: Secret | None = setting("SLACK_WEBHOOK_URL", parse_secret, default=None)
    alert_email: str | None = setting("ALERT_EMAIL", parse_text, default=None)
    publish_mode: str = setting("PUBLISH_MODE", one_of("live", "shadow", "dry_run"), default="live")
    log_format: str = setting("LOG_FORMAT", one_of("json", "text"), default="json")
    log_level: str = setting("LOG_LEVEL", one_of(*LOG_LEVELS), default="INFO")

    encryption_keys: EncryptionKeys
    jwt: HostJwtSettings | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    tiktok: TikTokSettings = field(default_factory=TikTokSettings)
    instagram: InstagramSettings = field(default_factory=InstagramSettings)
    apps: Mapping[str, PlatformApp] = field(default_factory=dict)
    missing_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    configured_names: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Settings({self.environment}, {self.role}, platforms: {', '.join(self.apps)})"

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @staticmethod
    def setting_names() -> tuple[str, ...]:
        """Every name that is read; the ones that are set stand in `given`."""
        settings_classes = (
            Settings,
            HostJwtSettings,
            LimitSettings,
            TikTokSettings,
            InstagramSettings,
        )
        found = [
            name.name
            for settings_class in settings_classes
            for name in setting_specs(settings_class).values()
        ]
        return tuple(sorted([*found, SINGLE_KEY_SETTING.name, KEY_LIST_SETTING.name]))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Errors: Misconfigured, naming everything that is missing or malformed."""
        environment = Environment(environ)
        values = environment.read_all(cls)
        host_jwt, encryption_keys = read_host_jwt(environment), read_encryption_keys(environment)
        sections: dict[type, dict[str, Any]] = {
            settings_class: environment.read_all(settings_class)
            for settings_class in (LimitSettings, TikTokSettings, InstagramSettings)
        }
        complete_store_urls(environment, values)
        if values["environment"] == "production":
            check_production_settings(
                environment, {**sections, Settings: values, HostJwtSettings: host_jwt or {}}
            )
        environment.raise_for_faults()
        tiktok, instagram = (
            TikTokSettings(**sections[TikTokSettings]),
            InstagramSettings(**sections[InstagramSettings]),
        )
        return cls(
            **values,
            encryption_keys=encryption_keys,
            jwt=HostJwtSettings(**host_jwt) if host_jwt else None,
            limits=LimitSettings(**sections[LimitSettings]),
            tiktok=tiktok,
            instagram=instagram,
            apps={"tiktok": app} if (app := build_tiktok_app(tiktok)) else {},
            missing_names=missing_setting_names(
                required_setting_names(instagram), environment.configured_names
            ),
            configured_names=frozenset(environment.configured_names),
        )


@cache
def load_settings() -> Settings:
    """The settings of this process. Errors: Misconfigured."""
    return Settings.from_env(read_environ())


def load_database_url() -> str:
    """The database's address, for whoever migrates where nothing else is set up yet.

    Errors: Misconfigured.
    """
    environment, names = Environment(read_environ()), setting_specs(Settings)
    url, sslmode = (environment.read(names[field]) for field in ("database_url", "sslmode"))
    environment.raise_for_faults()
    return with_sslmode(url, sslmode)


def read_environ() -> dict[str, str]:
    environ = dict(os.environ)
    if environ.get("ENVIRONMENT") != "production":
        dotenv = dotenv_values(".env", interpolate=False)
        environ = {name: value for name, value in dotenv.items() if value} | environ
    return environ
