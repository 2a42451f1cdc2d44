"""Which role of process may hold which secret.

Settings reads no other secret, and `signalpost up`, docker-compose.yml and the Procfile pass no
other, so that whoever takes over one process has that process's secrets only. The command line
(role `cli`) belongs to the operator and may read everything.
"""

from collections.abc import Iterator, Mapping
from typing import Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.config.environment import iter_settings, setting_aliases
from core.errors import Misconfigured
from platforms.secret import Secret

OPERATOR_ROLE: Final = "cli"
ROLE_SETTING = "SIGNALPOST_ROLE"
STORE_ROLES = frozenset({"web", "worker", "uploads", "monitor"})
PLATFORM_ROLES = frozenset({"web", "worker", "uploads"})
"""Processes that call the platforms."""

ROLES = (*sorted(STORE_ROLES), "beat", "flower", "migrate", "sandbox", OPERATOR_ROLE)

ROLES_BY_SECRET: Mapping[str, frozenset[str]] = {
    "DATABASE_URL": STORE_ROLES | {"migrate"},
    "DATABASE_REPLICA_URL": frozenset({"web", "monitor"}),
    "PGPASSWORD": STORE_ROLES | {"migrate"},
    "MIGRATION_DATABASE_URL": frozenset({"migrate"}),
    "BROKER_URL": STORE_ROLES | {"beat", "flower"},
    "REDIS_URL": STORE_ROLES,
    # Signs links to media files, which workers give to platforms.
    "SECRET_KEY": PLATFORM_ROLES,
    "TOKEN_ENCRYPTION_KEY": PLATFORM_ROLES,
    "TOKEN_ENCRYPTION_KEYS": PLATFORM_ROLES,
    # Web stores files, and workers send and delete them.
    "MEDIA_BUCKET_ACCESS_KEY_ID": PLATFORM_ROLES,
    "MEDIA_BUCKET_SECRET_ACCESS_KEY": PLATFORM_ROLES,
    "WORKER_SECRET": frozenset({"web"}),
    "METRICS_TOKEN": STORE_ROLES,
    "FLOWER_BASIC_AUTH": frozenset({"flower"}),
    "JWT_SECRET": frozenset({"web"}),
    # URLs of sinks contain the right to send; the monitor runs in web, or in a process of its own.
    **dict.fromkeys(
        (
            "ALERT_WEBHOOK_URL",
            "ALERT_WEBHOOK_SECRET",
            "SLACK_WEBHOOK_URL",
            "SMTP_URL",
            "HEARTBEAT_URL",
        ),
        frozenset({"web", "monitor"}),
    ),
}
"""Settings that are secrets, URLs with a password included. Those of platforms follow from their
names: see `find_secret_roles`."""

DELIVERY_SUFFIX = "_WEBHOOK_SECRET"
DELIVERY_ROLES = frozenset({"web"})
"""What verifies deliveries is needed where they are received."""

REQUIRED_SETTINGS = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY")


class AbsentSecret(Secret):
    """Stands for a secret that this process's role may not hold. It is false, and has no text."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__("")
        self._name = name

    def reveal(self) -> str:
        """Errors: Misconfigured, always."""
        raise Misconfigured(f"{self._name} is not among the settings of this process's role")


def find_secret_roles(name: str) -> frozenset[str]:
    """Return the roles that may hold this secret, besides the operator's."""
    if name in ROLES_BY_SECRET:
        return ROLES_BY_SECRET[name]
    return DELIVERY_ROLES if name.endswith(DELIVERY_SUFFIX) else PLATFORM_ROLES


def has_secret(role: str, name: str) -> bool:
    """Whether a process of this role may hold this secret."""
    return role == OPERATOR_ROLE or role not in ROLES or role in find_secret_roles(name)


def find_missing_settings(role: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Faults of required settings that the role needs and that are not set."""
    return {
        name: "is missing"
        for name in REQUIRED_SETTINGS
        if name not in texts and has_secret(role, name)
    }


def list_secret_settings(settings_cls: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Return the documented name of every secret setting, each with all names it is read under."""
    return {
        name: tuple(setting_aliases(field))
        for name, field in iter_settings(settings_cls)
        if name in ROLES_BY_SECRET or is_secret_field(field)
    }


def is_secret_field(field: FieldInfo) -> bool:
    return Secret in set(iter_types(field.annotation))


def iter_types(annotation: object) -> Iterator[object]:
    """The annotation and everything inside it."""
    yield annotation
    for inner in get_args(annotation):
        yield from iter_types(inner)


def select_variables(
    settings_cls: type[BaseModel], environ: Mapping[str, str], role: str
) -> dict[str, str]:
    """Return the environment without the secrets that the role may not hold."""
    hidden = {
        variable
        for name, aliases in list_secret_settings(settings_cls).items()
        if not has_secret(role, name)
        for alias in aliases
        for variable in (alias, f"{alias}_FILE")
    }
    return {name: value for name, value in environ.items() if name not in hidden}
