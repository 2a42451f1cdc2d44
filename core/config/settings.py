"""All settings of an installation, read once per process from the environment."""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)

from core.config.alerting import AlertSettings
from core.config.broker_urls import with_ca_file
from core.config.cross_checks import BASE_URL_SUFFIX, find_cross_faults
from core.config.database_settings import DatabaseSettings, LibpqSettings
from core.config.database_url import parse_replica_url
from core.config.environment import iter_settings, merge_environments
from core.config.host_jwt import HostJwtSettings
from core.config.limits import LimitSettings
from core.config.media_bucket import BucketSettings
from core.config.process_privacy import hide_process_memory
from core.config.roles import (
    OPERATOR_ROLE,
    ROLE_SETTING,
    AbsentSecret,
    find_missing_settings,
    select_variables,
)
from core.config.value_types import (
    AbsoluteFile,
    AbsoluteFolder,
    BrokerUrl,
    CaFile,
    EncryptionKey,
    EncryptionKeyList,
    EncryptionKeys,
    HostNames,
    MediaUrl,
    PortNumber,
    PublicUrl,
    RedisUrl,
)
from platforms.base import PlatformApp
from platforms.setting_models import SETTING_MODELS
from platforms.setting_types import Days, Flag, NonNegativeInt, SecretText, WebUrl

PLATFORM_SECTIONS: dict[str, Any] = {
    name: (model, model()) for name, model in SETTING_MODELS.items()
}
PlatformSettings: Any = create_model(
    "PlatformSettings", __config__=ConfigDict(frozen=True), **PLATFORM_SECTIONS
)
"""One section for each platform, under its name."""


class Settings(DatabaseSettings):
    """Every setting as a value. A platform with incomplete settings is off: see `missing_names`.

    Secrets that the process's role may not hold are not read (`core.config.roles`): their URLs are
    empty, and whoever reveals such a secret gets an error.
    """

    environment: Literal["development", "test", "production"] = Field(
        default="development", validation_alias="ENVIRONMENT"
    )
    role: Literal["web", "worker", "uploads", "beat", "flower", "monitor", "cli"] = Field(
        default=OPERATOR_ROLE, validation_alias=ROLE_SETTING
    )
    database_url: str = Field(default="", validate_default=False, validation_alias="DATABASE_URL")
    database_replica_url: str | None = Field(default=None, validation_alias="DATABASE_REPLICA_URL")
    broker_ca_file: CaFile | None = Field(default=None, validation_alias="BROKER_CA_FILE")
    redis_ca_file: CaFile | None = Field(default=None, validation_alias="REDIS_CA_FILE")
    broker_allow_plaintext: Flag = Field(default=False, validation_alias="BROKER_ALLOW_PLAINTEXT")
    broker_url: BrokerUrl = Field(default="", validate_default=False, validation_alias="BROKER_URL")
    broker_queue_type: Literal["classic", "quorum"] = Field(
        default="classic", validation_alias="BROKER_QUEUE_TYPE"
    )
    redis_url: RedisUrl = Field(
        default_factory=lambda values: str(values["broker_url"]),
        validate_default=False,
        validation_alias="REDIS_URL",
    )
    media_url: MediaUrl | None = Field(default=None, validation_alias="MEDIA_URL")
    erasure_list: AbsoluteFolder | None = Field(default=None, validation_alias="ERASURE_LIST")
    breached_passwords: AbsoluteFile | None = Field(
        default=None, validation_alias="BREACHED_PASSWORDS"
    )

    public_url: PublicUrl = Field(default="http://127.0.0.1:8000", validation_alias="PUBLIC_URL")
    secret_key: SecretText = Field(
        default=AbsentSecret("SECRET_KEY"), validation_alias="SECRET_KEY"
    )
    encryption_key: EncryptionKey | None = Field(
        default=None, validation_alias="TOKEN_ENCRYPTION_KEY"
    )
    encryption_key_list: EncryptionKeyList | None = Field(
        default=None, validation_alias="TOKEN_ENCRYPTION_KEYS"
    )
    trusted_proxy_count: NonNegativeInt = Field(default=0, validation_alias="TRUSTED_PROXY_COUNT")
    trusted_hosts: HostNames = Field(default=(), validation_alias="TRUSTED_HOSTS")
    session_lifetime: Days = Field(default=timedelta(days=14), validation_alias="SESSION_DAYS")
    worker_secret: SecretText | None = Field(
        default=None, validation_alias=AliasChoices("WORKER_SECRET", "CRON_SECRET")
    )
    metrics_token: SecretText | None = Field(default=None, validation_alias="METRICS_TOKEN")
    metrics_port: PortNumber | None = Field(default=None, validation_alias="METRICS_PORT")
    flower_basic_auth: SecretText | None = Field(default=None, validation_alias="FLOWER_BASIC_AUTH")
    flower_url: WebUrl | None = Field(default=None, validation_alias="FLOWER_URL")
    endpoint_private_hosts: Flag = Field(default=False, validation_alias="ENDPOINT_PRIVATE_HOSTS")
    outgoing_hosts: HostNames = Field(default=(), validation_alias="OUTGOING_HOSTS")
    publish_mode: Literal["live", "shadow", "dry_run"] = Field(
        default="live", validation_alias="PUBLISH_MODE"
    )
    tracing_endpoint: WebUrl | None = Field(
        default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    log_format: Literal["json", "text"] = Field(default="json", validation_alias="LOG_FORMAT")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias="LOG_LEVEL"
    )

    jwt: HostJwtSettings | None = None
    limits: LimitSettings = LimitSettings()
    alerts: AlertSettings = AlertSettings()
    media_bucket: BucketSettings = BucketSettings()
    platforms: PlatformSettings = PlatformSettings()

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Show no value that could be a secret."""
        yield "environment", self.environment
        yield "role", self.role
        yield "platforms", list(self.apps)

    @field_validator("database_replica_url")
    @classmethod
    def normalize_replica_url(cls, url: str | None, info: ValidationInfo) -> str | None:
        if not url:
            return url
        libpq: LibpqSettings = info.data.get("libpq", LibpqSettings())
        return parse_replica_url(url, libpq.to_defaults())

    @field_validator("broker_url", "redis_url")
    @classmethod
    def add_ca_file(cls, url: str, info: ValidationInfo) -> str:
        ca_file = info.data.get("broker_ca_file")
        if info.field_name == "redis_url":
            ca_file = info.data.get("redis_ca_file") or ca_file
        return with_ca_file(url, ca_file)

    @field_validator("jwt")
    @classmethod
    def switch_off_without_key(cls, jwt: HostJwtSettings | None) -> HostJwtSettings | None:
        return jwt if jwt is not None and jwt.has_key else None

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def encryption_keys(self) -> EncryptionKeys:
        """Every key with its id, the current one first."""
        return self.encryption_key_list or ((self.encryption_key,) if self.encryption_key else ())

    def of_platform(self, name: str) -> Any:
        """The settings of one platform; their model is `Platform.settings`."""
        return getattr(self.platforms, name)

    @property
    def apps(self) -> Mapping[str, PlatformApp]:
        """Our apps at the platforms that are switched on."""
        apps = {name: self.of_platform(name).build_app() for name in SETTING_MODELS}
        return {name: app for name, app in apps.items() if app is not None}

    @property
    def missing_names(self) -> Mapping[str, tuple[str, ...]]:
        """The settings that each incompletely configured platform still needs."""
        missing = {name: self.of_platform(name).missing_names() for name in SETTING_MODELS}
        return {name: names for name, names in missing.items() if names}

    @classmethod
    def setting_names(cls) -> tuple[str, ...]:
        """The names of all settings; `configured_names` are those that are set."""
        return tuple(sorted(name for name, _ in iter_settings(cls)))

    @classmethod
    def select_variables(cls, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Leave out the secrets that the role of this process may not hold."""
        return select_variables(cls, environ, environ.get(ROLE_SETTING) or OPERATOR_ROLE)

    @classmethod
    def find_cross_faults(cls, texts: Mapping[str, str]) -> dict[str, str]:
        base_urls = {
            name: field.default
            for name, field in iter_settings(cls)
            if name.endswith(BASE_URL_SUFFIX)
        }
        role = texts.get(ROLE_SETTING, OPERATOR_ROLE)
        return find_missing_settings(role, texts) | find_cross_faults(texts, base_urls, role=role)


@cache
def load_settings() -> Settings:
    """Return the settings of this process, and hide them from others. Errors: Misconfigured."""
    hide_process_memory()
    return Settings.from_env(read_environ())


def load_database_settings() -> DatabaseSettings:
    """Return where Postgres is, without needing any other setting. Errors: Misconfigured."""
    return DatabaseSettings.from_env(read_environ())


def names_metrics_folder() -> bool:
    """Whether PROMETHEUS_MULTIPROC_DIR has a value: prometheus_client takes an empty one for the
    working directory.
    """
    return bool(copy_environ().get("PROMETHEUS_MULTIPROC_DIR"))


def read_environ() -> dict[str, str]:
    """The environment; outside production `.env` fills in what the environment does not set."""
    environ = copy_environ()
    if environ.get("ENVIRONMENT") != "production":
        dotenv = dotenv_values(".env", interpolate=False)
        environ = merge_environments({name: text for name, text in dotenv.items() if text}, environ)
    return environ


def copy_environ() -> dict[str, str]:
    """The environment of this process, and nothing else."""
    return dict(os.environ)
