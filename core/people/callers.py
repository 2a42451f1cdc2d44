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
OF_PEOPLE = frozenset(SCOPES) - {"workers:run", "admin"}
OF_ADMINISTRATORS = OF_PEOPLE | {"admin"}


class By(StrEnum):
    """How somebody proved who they are."""

    SESSION = "session"
    KEY = "key"
    JWT = "jwt"


@dataclass(frozen=True)
class Caller:
    """One request's user. `proof` is the id of the session or key it came with."""

    user_id: int
    kind: By
    scopes: frozenset[str]
    email: str
    locale: str
    proof: int | None = None

    @property
    def is_admin(self) -> bool:
        return "admin" in self.scopes

    def may(self, scopes: Iterable[str]) -> bool:
        return self.scopes.issuperset(scopes)


def scopes_of(*, is_admin: bool) -> frozenset[str]:
    """What a person with a session may do."""
    return OF_ADMINISTRATORS if is_admin else OF_PEOPLE
