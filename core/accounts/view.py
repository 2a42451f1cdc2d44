"""How sure an account's access is, in one word for its owner. Pure: the caller brings the time.

Must not know why, nor what anybody should do about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.bootstrap import Services
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.session import Session

EXPIRY_WARNING_PERIOD = timedelta(
    days=14
)  # so long before the last end its owner should know of it


class AccountHealth(StrEnum):
    GOOD = "good"  # it lasts, or is renewed in time by itself
    RENEWING = "renewing"  # the token has ended and is renewed at its next use, or right now
    FAILING = "failing"  # renewing did not work lately; we go on trying
    ENDING = "ending"  # it still works, but soon nothing can renew it any more
    ENDED = "ended"  # only its owner can bring it back


def account_health(account: Account, *, now: datetime) -> AccountHealth:
    if account.status != AccountStatus.ACTIVE:
        return AccountHealth.ENDED
    end = final_expiry(account)
    if end is not None and end - now < EXPIRY_WARNING_PERIOD:
        return AccountHealth.ENDING if end > now else AccountHealth.ENDED
    if account.attempts - (account.leased_until is not None) > 0:
        return AccountHealth.FAILING
    return AccountHealth.GOOD if account.expires_at > now else AccountHealth.RENEWING


def final_expiry(account: Account) -> datetime | None:
    """When it is over unless its owner connects it again; None if nobody has said so.

    The platform may move it with each renewal; it is what was said last.
    """
    if account.refresh_token_encrypted is None:
        return account.expires_at
    end = account.refresh_expires_at
    return None if end is None else max(end, account.expires_at)


# MERGED core.accounts.standing: Connected accounts: connect, disconnect, keep alive, and how they stand. Opens no token.

FEATURE_SCOPES: Mapping[str, Mapping[str, str]] = {
    "tiktok": {
        "inboxUpload": "video.upload",
        "directPost": "video.publish",
        "analytics": "video.list",
    },
}
"""What a platform can do here, and the permission each takes."""


@dataclass(frozen=True)
class AccountView:
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
    health: AccountHealth
    renews_at: datetime | None
    renewed_at: datetime | None
    ends_at: datetime | None  # unless its owner connects it again
    refresh_error: str | None  # why the last renewal did not work

    @property
    def is_active(self) -> bool:
        """Whether there is a token to call with, or one to be had."""
        return self.status == AccountStatus.ACTIVE

    @property
    def needs_reconnect(self) -> bool:
        """Also while the old token still serves although nothing can renew it."""
        return not self.is_active or self.cause is not None

    @property
    def is_unhealthy(self) -> bool:
        return self.health not in {AccountHealth.GOOD, AccountHealth.RENEWING}


@dataclass(frozen=True)
class PlatformView:
    """One platform as a user finds it. `missing` are the names that keep it off."""

    platform: str
    is_configured: bool
    missing_settings: tuple[str, ...]
    features: Mapping[str, bool]
    accounts: tuple[AccountView, ...]

    @property
    def health(self) -> str:
        """off, unconnected, healthy, or degraded: some account needs its owner, or soon will."""
        if not self.is_configured or not self.accounts:
            return "unconnected" if self.is_configured else "off"
        return "degraded" if any(one.is_unhealthy for one in self.accounts) else "healthy"


def list_account_views(
    session: Session, services: Services, *, user_id: int, provider: str
) -> tuple[AccountView, ...]:
    """The user's connected accounts of a platform, the newest first."""
    found = Accounts(session).list_for_user(user_id, provider)
    scopes, now = requested_scopes(services, provider), services.now()
    return tuple(build_account_view(account, scopes, now=now) for account in found)


def list_platform_views(
    session: Session, services: Services, *, user_id: int
) -> list[PlatformView]:
    """Every platform there could be here, switched on or not."""
    settings = services.settings
    return [
        PlatformView(
            platform=name,
            is_configured=name in services.platforms,
            missing_settings=settings.missing_names.get(name, ()),
            features=available_features(name, requested_scopes(services, name)),
            accounts=list_account_views(session, services, user_id=user_id, provider=name),
        )
        for name in sorted({*services.platforms, *settings.missing_names}, reverse=True)
    ]


def requested_scopes(services: Services, provider: str) -> tuple[str, ...]:
    app = services.settings.apps.get(provider)
    return app.scopes if app else ()


def build_account_view(
    account: Account, requested: tuple[str, ...], *, now: datetime
) -> AccountView:
    granted_scopes = tuple(filter(None, account.scope.split(",")))
    return AccountView(
        id=account.id,
        provider=account.provider,
        open_id=account.open_id,
        display_name=account.details.get("display_name"),
        avatar_url=account.details.get("avatar_url"),
        scopes=granted_scopes,
        missing_scopes=tuple(scope for scope in requested if scope not in granted_scopes),
        status=account.status,
        cause=account.status_cause,
        expires_at=account.expires_at,
        features=available_features(account.provider, granted_scopes),
        health=account_health(account, now=now),
        renews_at=account.due_at,
        renewed_at=account.last_refreshed_at,
        ends_at=final_expiry(account) if account.status == AccountStatus.ACTIVE else None,
        refresh_error=account.last_error.partition(":")[0] if account.last_error else None,
    )


def available_features(provider: str, scopes: tuple[str, ...]) -> dict[str, bool]:
    return {name: scope in scopes for name, scope in FEATURE_SCOPES.get(provider, {}).items()}
