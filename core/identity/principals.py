"""Who asks, and what they may do: the scopes of contract T0.13 as tables. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SCOPES = (
    "accounts:read",
    "accounts:write",
    "posts:read",
    "posts:write",
    "media:write",
    "insights:read",
    "comments:write",
    "workers:run",
    "admin",
)
USER_SCOPES = frozenset(SCOPES) - {"workers:run", "admin"}
ADMIN_SCOPES = USER_SCOPES | {"admin"}


class AuthMethod(StrEnum):
    """How somebody proved who they are."""

    SESSION = "session"
    KEY = "key"
    JWT = "jwt"


@dataclass(frozen=True)
class Principal:
    """One request's user. `proof` is the id of the session or key it came with."""

    user_id: int
    auth_method: AuthMethod
    scopes: frozenset[str]
    email: str
    locale: str
    credential_id: int | None = None

    @property
    def is_admin(self) -> bool:
        return "admin" in self.scopes

    def has_scopes(self, scopes: Iterable[str]) -> bool:
        return self.scopes.issuperset(scopes)


def session_scopes(*, is_admin: bool) -> frozenset[str]:
    """What a person with a session may do."""
    return ADMIN_SCOPES if is_admin else USER_SCOPES
