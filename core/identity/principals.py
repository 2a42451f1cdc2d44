"""The principal of a request, and the scopes that principals can have."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.scopes import ADMIN_SCOPE, ADMIN_SCOPES, OPERATOR_SCOPES, SCOPES, USER_SCOPES


class AuthMethod(StrEnum):
    """How a principal authenticated."""

    SESSION = "session"
    KEY = "key"
    JWT = "jwt"


@dataclass(frozen=True)
class Principal:
    """The user of one request. `credential_id` is the id of its login session or API key.

    `locale`, `time_zone`: None if the user has not chosen one. `wrote_at`: when the user last
    changed something, as far as that is kept.
    """

    user_id: int
    auth_method: AuthMethod
    scopes: frozenset[str]
    email: str
    locale: str | None
    credential_id: int | None = None
    time_zone: str | None = None
    theme: str = "system"
    has_shortcuts: bool = True
    muted_notifications: tuple[str, ...] = ()
    wrote_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        return ADMIN_SCOPE in self.scopes

    @property
    def grantable_scopes(self) -> list[str]:
        """The scopes that this user may grant to an API key, in the order of `SCOPES`.

        Beside the user's own scopes, an administrator may grant `workers:run`, which no login has.
        """
        grantable = self.scopes | (OPERATOR_SCOPES if self.is_admin else set())
        return [scope for scope in SCOPES if scope in grantable]

    def has_scopes(self, scopes: Iterable[str]) -> bool:
        return self.scopes.issuperset(scopes)


def session_scopes(*, is_admin: bool) -> frozenset[str]:
    """The scopes of a person who signed in."""
    return ADMIN_SCOPES if is_admin else USER_SCOPES
