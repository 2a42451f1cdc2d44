"""Connected accounts: connect, disconnect, keep alive, and how they stand. Opens no token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.accounts.health import Health, health, last_end
from core.wiring import World
from db.accounts import Account, Accounts, AccountStatus
from db.session import Session

FEATURES: Mapping[str, Mapping[str, str]] = {
    "tiktok": {
        "inboxUpload": "video.upload",
        "directPost": "video.publish",
        "analytics": "video.list",
    },
}
"""What a platform can do here, and the permission each takes."""


@dataclass(frozen=True)
class Standing:
    """One account as its owner may see it."""

    id: int
    provider: str
    open_id: str
    display_name: str | None
    avatar_url: str | None
    scopes: tuple[str, ...]
    missing_scopes: tuple[str, ...]
    status: str
    cause: str | None
    expires_at: datetime
    features: Mapping[str, bool]
    health: Health
    renews_at: datetime | None
    renewed_at: datetime | None
    ends_at: datetime | None  # unless its owner connects it again
    fault: str | None  # why the last renewal did not work

    @property
    def is_active(self) -> bool:
        """Whether there is a token to call with, or one to be had."""
        return self.status == AccountStatus.ACTIVE

    @property
    def needs_reconnect(self) -> bool:
        """Also while the old token still serves although nothing can renew it."""
        return not self.is_active or self.cause is not None

    @property
    def is_ailing(self) -> bool:
        return self.health not in {Health.GOOD, Health.RENEWING}


@dataclass(frozen=True)
class State:
    """One platform as a user finds it. `missing` are the names that keep it off."""

    platform: str
    configured: bool
    missing: tuple[str, ...]
    features: Mapping[str, bool]
    accounts: tuple[Standing, ...]

    @property
    def health(self) -> str:
        """off, unconnected, healthy, or degraded: some account needs its owner, or soon will."""
        if not self.configured or not self.accounts:
            return "unconnected" if self.configured else "off"
        return "degraded" if any(one.is_ailing for one in self.accounts) else "healthy"


def standing(
    session: Session, world: World, *, user_id: int, provider: str
) -> tuple[Standing, ...]:
    """The user's connected accounts of a platform, the newest first."""
    found = Accounts(session).of_user(user_id, provider)
    scopes, now = wanted(world, provider), world.now()
    return tuple(shown(account, scopes, now=now) for account in found)


def platforms(session: Session, world: World, *, user_id: int) -> list[State]:
    """Every platform there could be here, switched on or not."""
    settings = world.settings
    return [
        State(
            platform=name,
            configured=name in world.platforms,
            missing=settings.missing.get(name, ()),
            features=able(name, wanted(world, name)),
            accounts=standing(session, world, user_id=user_id, provider=name),
        )
        for name in sorted({*world.platforms, *settings.missing}, reverse=True)
    ]


def wanted(world: World, provider: str) -> tuple[str, ...]:
    app = world.settings.apps.get(provider)
    return app.scopes if app else ()


def shown(account: Account, scopes: tuple[str, ...], *, now: datetime) -> Standing:
    granted = tuple(filter(None, account.scope.split(",")))
    return Standing(
        id=account.id,
        provider=account.provider,
        open_id=account.open_id,
        display_name=account.details.get("display_name"),
        avatar_url=account.details.get("avatar_url"),
        scopes=granted,
        missing_scopes=tuple(scope for scope in scopes if scope not in granted),
        status=account.status,
        cause=account.status_cause,
        expires_at=account.expires_at,
        features=able(account.provider, granted),
        health=health(account, now=now),
        renews_at=account.due_at,
        renewed_at=account.last_refreshed_at,
        ends_at=last_end(account) if account.status == AccountStatus.ACTIVE else None,
        fault=account.last_error.partition(":")[0] if account.last_error else None,
    )


def able(provider: str, scopes: tuple[str, ...]) -> dict[str, bool]:
    return {name: scope in scopes for name, scope in FEATURES.get(provider, {}).items()}
