"""The settings that say where Postgres is: DATABASE_URL, and what libpq's variables add to it."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from core.config.database_url import parse_database_url
from core.config.environment import EnvironmentSettings
from platforms.setting_types import SecretText

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class LibpqSettings(BaseModel):
    """The variables of libpq that fill in what a database URL leaves out, as for psql.

    libpq would read others too. Those that would lead the connection elsewhere are refused, the
    others are without effect, because every connection sets what it relies on.
    """

    model_config = ConfigDict(frozen=True)

    host: str | None = Field(default=None, validation_alias="PGHOST")
    port: str | None = Field(default=None, validation_alias="PGPORT")
    user: str | None = Field(default=None, validation_alias="PGUSER")
    password: SecretText | None = Field(default=None, validation_alias="PGPASSWORD")
    database: str | None = Field(default=None, validation_alias="PGDATABASE")
    sslmode: SslMode | None = Field(default=None, validation_alias="PGSSLMODE")
    sslrootcert: str | None = Field(default=None, validation_alias="PGSSLROOTCERT")
    hostaddr: str | None = Field(default=None, validation_alias="PGHOSTADDR")
    service: str | None = Field(default=None, validation_alias="PGSERVICE")

    @field_validator("hostaddr", "service")
    @classmethod
    def refuse_detour(cls, value: str | None) -> None:
        """Errors: ValueError if it is set: it would lead past the check of the server's name."""
        if value is not None:
            raise ValueError("is not supported: unset it and name the server in DATABASE_URL")

    def to_defaults(self) -> Mapping[str, str]:
        """Return what is set, by libpq's parameter names."""
        values = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password.reveal() if self.password else None,
            "dbname": self.database,
            "sslmode": self.sslmode,
            "sslrootcert": self.sslrootcert,
        }
        return {name: value for name, value in values.items() if value}


class DatabaseSettings(EnvironmentSettings):
    """What `signalpost migrate` needs, before anything else is configured."""

    libpq: LibpqSettings = LibpqSettings()
    database_url: str = Field(validation_alias="DATABASE_URL")
    migration_database_url: str | None = Field(
        default=None, validation_alias="MIGRATION_DATABASE_URL"
    )

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Show nothing: the URLs contain passwords."""
        return iter(())

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def normalize_url(cls, url: str | None, info: ValidationInfo) -> str | None:
        if not url:
            return url
        libpq: LibpqSettings = info.data.get("libpq", LibpqSettings())
        return parse_database_url(url, libpq.to_defaults())

    @property
    def migration_url(self) -> str:
        """The URL for changes of the schema: of the tables' owner, and past a pooler."""
        return self.migration_database_url or self.database_url
