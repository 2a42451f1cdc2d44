"""The environment of a process of one role: the settings it may hold, and nothing secret besides.

What it may hold is decided in `core.config.roles`.
"""

from collections.abc import Mapping

from core.config.environment import iter_settings, setting_aliases
from core.config.roles import has_secret, select_variables
from core.config.settings import Settings
from core.observability.redact import is_secret_name
from local.sandboxes import credential_factories

SANDBOX_ROLE = "sandbox"
LIBPQ_PREFIX = "PG"
OWN_VARIABLES = frozenset(
    variable
    for _, field in iter_settings(Settings)
    for alias in setting_aliases(field)
    for variable in (alias, f"{alias}_FILE")
)
"""The names of all our settings."""


def select_role_environment(environ: Mapping[str, str], role: str) -> dict[str, str]:
    """Return the part of the environment that a process of this role gets.

    Variables that are no settings of ours stay, except those whose names say that they are secret:
    what belongs to the operator's shell is no business of a server. The sandbox gets none of our
    settings but the credentials that it issues in the platforms' place.
    """
    selected = select_variables(Settings, environ, role)
    needed = {name: value for name, value in selected.items() if is_needed(name, role)}
    if role == SANDBOX_ROLE:
        needed |= {name: environ[name] for name in credential_factories() if name in environ}
    return needed


def select_public_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the environment that is neither a setting of ours nor secret."""
    return {name: value for name, value in environ.items() if is_needed(name, SANDBOX_ROLE)}


def is_needed(name: str, role: str) -> bool:
    """Whether a process of this role gets this variable, a secret of ours or not."""
    if name in OWN_VARIABLES:
        return role != SANDBOX_ROLE
    if name.startswith(f"{role.upper()}_"):  # such as FLOWER_OAUTH2_SECRET, an option of Flower's
        return True
    if name.startswith(LIBPQ_PREFIX):  # such as PGPASSWORD, which libpq reads
        return has_secret(role, "DATABASE_URL")
    return not is_secret_name(name)
