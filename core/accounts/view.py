"""Accounts and platforms as their owner sees them: status, health, features, expiry. Read-only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.accounts.destination_view import (
    DestinationView,
    UnavailableDestination,
    view_destinations,
    view_unavailable,
)
from core.bootstrap import Services
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.grants import FLOW_KEY, RENEWAL_KEY
from db.accounts.pictures import AccountPictures
from db.records.destinations import find_destination_store
from db.session import Session
from platforms.logins import FlowRules
from platforms.registry import PLATFORMS

EXPIRY_WARNING_PERIOD = timedelta(days=14)
"""How long before a grant's final expiry its owner is warned."""


class AccountHealth(StrEnum):
    """How reliable the access to an account is, in one word for its owner."""

    GOOD = "good"  # the token is valid and will be refreshed in time
    RENEWING = "renewing"  # the token has expired and is refreshed now, or at its next use
    FAILING = "failing"  # the last refreshes failed; they are retried
    ENDING = "ending"  # the token is valid, but soon it cannot be refreshed any more
    ENDED = "ended"  # only its owner can reconnect it


def account_health(account: Account, *, now: datetime) -> AccountHealth:
    """Return the account's health at the time `now`. Pure."""
    if account.status != AccountStatus.ACTIVE:
        return AccountHealth.ENDED
    end = final_expiry(account)
    expires_at = account.expires_at
    if end is not None and end - now < EXPIRY_WARNING_PERIOD:
        return AccountHealth.ENDING if end > now else AccountHealth.ENDED
    if account.failed_attempts > 0:
        return AccountHealth.FAILING
    is_valid = expires_at is None or expires_at > now
    return AccountHealth.GOOD if is_valid else AccountHealth.RENEWING


def final_expiry(account: Account) -> datetime | None:
    """Return when the access ends unless the owner reconnects; None if the platform gave no date.

    The platform may move that date with each refresh; this is the last one it gave. A token that
    is exchanged for a newer one, or has no end, leaves only the end of the access to data.
    """
    if RENEWAL_KEY in account.details:
        return account.data_access_until
    if account.refresh_token_encrypted is None:
        return account.expires_at
    end = account.refresh_expires_at
    ends = [time for time in (end, account.expires_at) if time is not None]
    return None if end is None else max(ends)


@dataclass(frozen=True)
class AccountView:
    """One account as shown to its owner."""

    id: int
    provider: str
    open_id: str
    display_name: str | None
    avatar_url: str | None
    scopes: tuple[str, ...]
    missing_scopes: tuple[str, ...]
    status: str
    cause: str | None
    expires_at: datetime | None  # of the access token; None: no end is known
    features: Mapping[str, bool]
    health: AccountHealth
    renews_at: datetime | None
    renewed_at: datetime | None
    ends_at: datetime | None  # unless its owner reconnects it
    refresh_error: str | None  # code of the last refresh if it failed
    destinations: tuple[DestinationView, ...] | None = None  # None: the login is posted to
    unavailable: tuple[UnavailableDestination, ...] = ()
    picture_digest: str | None = None  # of our copy of the picture; None: there is none

    @property
    def is_active(self) -> bool:
        """Whether there is an access token, or one can be fetched."""
        return self.status == AccountStatus.ACTIVE

    @property
    def needs_reconnect(self) -> bool:
        """True also while the access token still works but cannot be refreshed."""
        return not self.is_active or self.cause is not None

    @property
    def needs_choice(self) -> bool:
        """Whether accounts were found and none of them is chosen."""
        return bool(self.destinations) and not any(
            item.is_selected for item in self.destinations or ()
        )

    @property
    def is_unhealthy(self) -> bool:
        is_lost = any(item.is_lost for item in self.destinations or ())
        return is_lost or self.health not in {AccountHealth.GOOD, AccountHealth.RENEWING}


@dataclass(frozen=True)
class PlatformView:
    """One platform as shown to a user. It is off while `missing_settings` names any."""

    platform: str
    is_configured: bool
    missing_settings: tuple[str, ...]
    features: Mapping[str, bool]
    accounts: tuple[AccountView, ...]

    @property
    def health(self) -> str:
        """off, unconnected, healthy, or degraded: an account needs its owner, or soon will."""
        if not self.is_configured:
            return "off"
        if not self.accounts:
            return "unconnected"
        return "degraded" if any(view.is_unhealthy for view in self.accounts) else "healthy"


def list_account_views(
    session: Session, services: Services, *, user_id: int, provider: str
) -> tuple[AccountView, ...]:
    """List the user's connected accounts of a platform, newest first."""
    accounts = Accounts(session).list_for_user(user_id, provider)
    return build_account_views(session, services, accounts, user_id=user_id)[provider]


def build_account_views(
    session: Session, services: Services, accounts: Sequence[Account], *, user_id: int
) -> Mapping[str, tuple[AccountView, ...]]:
    """Build the views of accounts of the user, by platform; empty for the other platforms."""
    if not accounts:
        return defaultdict(tuple)
    pictures = AccountPictures(session).list_digests([account.id for account in accounts])
    now = services.now()
    views: dict[str, list[AccountView]] = defaultdict(list)
    destinations = {
        provider: store.list_for_user(user_id)
        for provider in {account.provider for account in accounts}
        if (store := find_destination_store(session, provider)) is not None
    }
    for account in accounts:
        view = build_account_view(
            account,
            requested_scopes(services, account.provider),
            rules=find_rules(services, account),
            now=now,
        )
        view = replace(view, picture_digest=pictures.get((view.id, None)))
        if account.provider in destinations:
            view = replace(
                view,
                destinations=view_destinations(account, destinations[account.provider], pictures),
                unavailable=view_unavailable(account),
            )
        views[account.provider].append(view)
    return defaultdict(tuple, {name: tuple(own) for name, own in views.items()})


def list_platform_views(
    session: Session, services: Services, *, user_id: int
) -> list[PlatformView]:
    """List every supported platform with the user's accounts, switched on or not."""
    settings = services.settings
    accounts = Accounts(session).list_for_user(user_id)
    views = build_account_views(session, services, accounts, user_id=user_id)
    return [
        PlatformView(
            platform=name,
            is_configured=name in services.adapters,
            missing_settings=settings.missing_names.get(name, ()),
            features=(
                available_features(name, *offered_features(services, name))
                if name in services.adapters
                else {}
            ),
            accounts=views[name],
        )
        for name in sorted({*services.adapters, *settings.missing_names}, reverse=True)
    ]


def list_destination_views(
    session: Session, services: Services, *, user_id: int, provider: str
) -> list[DestinationView]:
    """List what all logins of the user at a platform can post to, or could."""
    views = list_account_views(session, services, user_id=user_id, provider=provider)
    return [destination for view in views for destination in view.destinations or ()]


def requested_scopes(services: Services, provider: str) -> tuple[str, ...]:
    """Return what the consent page asks for; nothing while the platform is off."""
    app = services.settings.apps.get(provider)
    rules = find_rules(services, provider=provider)
    if app is None:
        return ()
    return app.scopes or (() if rules is None else rules.default_scopes)


def find_rules(
    services: Services, account: Account | None = None, *, provider: str = ""
) -> FlowRules | None:
    """Return the rules of the way in which a login was made, else of the one in use."""
    name = account.provider if account is not None else provider
    flows = PLATFORMS[name].flows
    own = None if account is None else flows.get(str(account.details.get(FLOW_KEY)))
    adapter = services.adapters.get(name)
    in_use = None if adapter is None or adapter.flow is None else adapter.flow.rules
    return own or in_use or next(iter(flows.values()), None)


def offered_features(services: Services, provider: str) -> tuple[FlowRules | None, tuple[str, ...]]:
    return find_rules(services, provider=provider), requested_scopes(services, provider)


def build_account_view(
    account: Account,
    requested: tuple[str, ...],
    *,
    rules: FlowRules | None,
    now: datetime,
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
        features=available_features(account.provider, rules, granted_scopes),
        health=account_health(account, now=now),
        renews_at=account.due_at,
        renewed_at=account.last_refreshed_at,
        ends_at=final_expiry(account) if account.status == AccountStatus.ACTIVE else None,
        refresh_error=account.last_error.partition(":")[0] if account.last_error else None,
    )


def available_features(
    provider: str, rules: FlowRules | None, scopes: tuple[str, ...]
) -> dict[str, bool]:
    """Return the public names of the platform's features, and which of them the scopes allow."""
    form = PLATFORMS[provider].form
    labels = {} if form is None else form.capability_labels
    needed = {} if rules is None else rules.scopes
    return {
        label: capability in needed and needed[capability] <= set(scopes)
        for capability, label in labels.items()
    }
