"""The accounts that one login can post to, whichever table a platform keeps them in.

A platform whose logins are posted to directly has no table of them. The stores are listed in
`db/records/destinations.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from db.accounts.accounts import Account


class DestinationStatus(StrEnum):
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"  # the platform does not let this login use it
    NEEDS_RECONNECT = "NEEDS_RECONNECT"  # its token was refused, and a new one could not be fetched


class AccessLevel(StrEnum):
    FULL = "FULL"
    LIMITED = "LIMITED"  # a permission is missing
    READ_ONLY = "READ_ONLY"  # it cannot be used at all


@dataclass(frozen=True)
class NewDestination:
    """A destination as the platform described it, with its token encrypted."""

    external_id: str
    name: str
    flow: str  # the way of signing in by which it was found
    access_level: AccessLevel
    handle: str | None = None
    avatar_url: str | None = None
    account_type: str | None = None
    encrypted_token: str | None = None  # None: the login's token serves it
    blocked: str | None = None  # why it cannot be used
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredDestination:
    """A destination as it is stored. `account_id` is the row of its login."""

    id: int
    user_id: int
    account_id: int | None
    external_id: str
    name: str
    handle: str | None
    avatar_url: str | None
    account_type: str | None
    access_level: str
    details: Mapping[str, Any]
    status: str
    status_cause: str | None
    is_selected: bool
    encrypted_token: str | None
    token_version: int
    token_refused_at: datetime | None
    token_fetched_at: datetime | None
    subscribed_at: datetime | None
    subscription_checked_at: datetime | None
    subscription_error: str | None
    disconnected_at: datetime | None

    @property
    def is_usable(self) -> bool:
        """Whether it is connected, chosen by its owner and accepted by the platform."""
        return (
            self.disconnected_at is None
            and self.is_selected
            and self.status == DestinationStatus.ACTIVE
        )


class DestinationStore(Protocol):
    """The table of one platform's destinations. Rows are locked in the order of their ids."""

    def save(self, login: Account, found: NewDestination) -> StoredDestination | None:
        """Insert the destination, or update its row in place with this login.

        A row that another user has connected and chosen, and can use, is left alone: the result is
        None. One that another user has not chosen, has disconnected, or cannot use because the
        grant is gone or the platform has blocked it, changes its owner; what was stored of its
        media for the other user is deleted.
        """
        ...

    def get(self, destination_id: int) -> StoredDestination | None: ...
    def lock(self, destination_id: int) -> StoredDestination | None: ...
    def list_for_user(self, user_id: int) -> Sequence[StoredDestination]:
        """List the connected destinations of a user, in the order they were found."""
        ...

    def list_for_login(self, account_id: int) -> Sequence[StoredDestination]: ...
    def lock_for_user(self, user_id: int) -> Sequence[StoredDestination]: ...
    def select(self, chosen: Collection[int], others: Collection[int]) -> None: ...
    def list_refused(self, account_id: int) -> Sequence[StoredDestination]:
        """List those of a login whose token the platform has refused and that have no new one."""
        ...

    def mark_refused(self, destination_id: int, *, version: int) -> None: ...
    def was_fetched_recently(self, destination_id: int, *, within: timedelta) -> bool: ...
    def replace_token(self, destination_id: int, encrypted_token: str) -> None: ...
    def set_status(
        self, destination_id: int, status: DestinationStatus, cause: str | None
    ) -> None: ...
    def record_subscription(self, destination_id: int, error: str | None) -> None:
        """Record the result of subscribing to webhooks: an error, or None if it is there."""
        ...

    def list_due_for_subscription(
        self, *, interval: timedelta, limit: int
    ) -> Sequence[StoredDestination]:
        """List usable ones whose subscription was not checked for this long, oldest first."""
        ...

    def clear_tokens(self, account_id: int) -> None:
        """Clear the tokens of a login's destinations; they stay connected and chosen."""
        ...

    def disconnect(self, account_id: int) -> None:
        """Clear the tokens of a login's destinations and mark them disconnected."""
        ...

    def erase(self, account_id: int) -> Sequence[str]:
        """Delete the destinations of a login with all that is stored of them; return their ids."""
        ...
