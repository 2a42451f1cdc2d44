"""The accounts behind a login as their owner sees them. Read-only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.accounts.destinations import UNAVAILABLE_KEY
from db.accounts.accounts import Account
from db.accounts.destinations import DestinationStatus, StoredDestination
from db.accounts.pictures import PictureKey


@dataclass(frozen=True)
class SubscriptionView:
    """The webhook subscription of an account. `error_code` is that of a refusal."""

    subscribed_at: datetime | None
    checked_at: datetime | None
    error_code: str | None
    sentence: str | None  # the platform's own words


@dataclass(frozen=True)
class DestinationView:
    """One account that can be posted to, or could be if its `cause` were removed."""

    id: int
    external_id: str
    name: str
    handle: str | None
    avatar_url: str | None
    account_type: str | None
    access_level: str
    details: Mapping[str, Any]
    status: str
    cause: str | None
    is_selected: bool
    subscription: SubscriptionView
    account_id: int | None = None  # row of the login
    picture_digest: str | None = None  # of our copy; None: there is none

    @property
    def is_blocked(self) -> bool:
        return self.status == DestinationStatus.BLOCKED

    @property
    def is_lost(self) -> bool:
        """Whether it was chosen and cannot be used any more."""
        return self.is_selected and self.status != DestinationStatus.ACTIVE


@dataclass(frozen=True)
class UnavailableDestination:
    """An account that was found and could not be stored; `reason` is a code with texts."""

    external_id: str
    name: str | None
    reason: str


def view_destination(
    stored: StoredDestination, pictures: Mapping[PictureKey, str]
) -> DestinationView:
    code, _, sentence = (stored.subscription_error or "").partition(": ")
    return DestinationView(
        id=stored.id,
        external_id=stored.external_id,
        name=stored.name,
        handle=stored.handle,
        avatar_url=stored.avatar_url,
        account_type=stored.account_type,
        access_level=stored.access_level,
        details=stored.details,
        status=stored.status,
        cause=stored.status_cause,
        is_selected=stored.is_selected,
        subscription=SubscriptionView(
            stored.subscribed_at, stored.subscription_checked_at, code or None, sentence or None
        ),
        account_id=stored.account_id,
        picture_digest=pictures.get((stored.account_id or 0, stored.id)),
    )


def view_destinations(
    account: Account,
    stored: Iterable[StoredDestination],
    pictures: Mapping[PictureKey, str],
) -> tuple[DestinationView, ...]:
    """Return the destinations of this login among those of a user."""
    return tuple(
        view_destination(item, pictures) for item in stored if item.account_id == account.id
    )


def view_unavailable(account: Account) -> tuple[UnavailableDestination, ...]:
    return tuple(
        UnavailableDestination(item["external_id"], item.get("name"), item["reason"])
        for item in account.details.get(UNAVAILABLE_KEY, ())
    )
