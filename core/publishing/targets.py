"""Finds the account that a post goes to: a login, or one of the destinations behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Invalid, NeedsReconnect, NotConnected, NotFound
from core.publishing.post_request import PostRequest
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.destinations import DestinationStatus, StoredDestination
from db.records.destinations import DESTINATION_STORES, find_destination_store
from db.session import Database, Session
from platforms.registry import PLATFORMS


@dataclass(frozen=True)
class QuotaAccount:
    """Whose limits: those of a login, or of a destination with this id at its platform."""

    provider: str
    account_id: int
    destination_id: int | None = None
    external_id: str = ""


@dataclass(frozen=True)
class PostTarget:
    """The login that posts, and the account that is posted to; None: the login itself."""

    account: Account
    destination: StoredDestination | None = None

    @property
    def destination_id(self) -> int | None:
        return None if self.destination is None else self.destination.id

    @property
    def quota_account(self) -> QuotaAccount:
        provider, destination = self.account.provider, self.destination
        if destination is None:
            return QuotaAccount(provider, self.account.id)
        return QuotaAccount(provider, self.account.id, destination.id, destination.external_id)


def find_provider(session: Session, request: PostRequest, *, user_id: int) -> str:
    """Return the platform that the request names, or the one of the account that it names.

    Errors: Invalid, NotFound, NotConnected.
    """
    if request.platform is not None:
        if request.platform not in PLATFORMS:
            raise build_invalid("platform", f"must be one of {', '.join(sorted(PLATFORMS))}")
        return request.platform
    if request.account_id is not None:
        return load_account(session, request.account_id, user_id=user_id).provider
    if request.destination_id is not None:
        providers = find_destination_providers(session, request.destination_id, user_id=user_id)
    else:
        providers = {account.provider for account in Accounts(session).list_for_user(user_id)}
    if not providers:
        raise NotConnected
    if len(providers) > 1:
        raise build_account_required("platform")
    return providers.pop()


def find_request_platform(database: Database, request: PostRequest, *, user_id: int) -> str:
    """Return the platform of a request before anything else of it is checked.

    A name in the request is returned as it is, even if no platform has it.
    Errors: as `find_provider`, if the request names no platform.
    """
    if request.platform is not None:
        return request.platform
    with database.transaction() as session:
        return find_provider(session, request, user_id=user_id)


def find_destination_providers(session: Session, destination_id: int, *, user_id: int) -> set[str]:
    return {
        name
        for name in DESTINATION_STORES
        if find_own_destination(session, name, destination_id, user_id=user_id) is not None
    }


def find_own_destination(
    session: Session, provider: str, destination_id: int, *, user_id: int
) -> StoredDestination | None:
    store = find_destination_store(session, provider)
    destination = None if store is None else store.get(destination_id)
    return destination if destination is not None and destination.user_id == user_id else None


def load_account(session: Session, account_id: int, *, user_id: int) -> Account:
    account = Accounts(session).get_for_user(account_id, user_id=user_id)
    if account is None:
        raise NotFound(f"no account {account_id} of this user")
    return account


def select_target(
    session: Session,
    provider: str,
    *,
    user_id: int,
    account_id: int | None = None,
    destination_id: int | None = None,
) -> PostTarget:
    """Return the account that is named, or the user's only one on the platform, for a new post.

    Errors: as `find_target`; NotConnected, NeedsReconnect if it cannot be posted to.
    """
    target = find_target(
        session, provider, user_id=user_id, account_id=account_id, destination_id=destination_id
    )
    if target.destination is not None:
        check_destination_usable(target.destination)
    check_account_active(target.account)
    return target


def find_target(
    session: Session,
    provider: str,
    *,
    user_id: int,
    account_id: int | None = None,
    destination_id: int | None = None,
) -> PostTarget:
    """Return the account that is named, or the user's only one on the platform.

    Errors: NotFound, NotConnected; Invalid `account_required` if there are several.
    """
    store = find_destination_store(session, provider)
    if store is None:
        if destination_id is not None:
            raise build_invalid("destination_id", "is not for this platform: use account_id")
        return PostTarget(select_account(session, provider, account_id, user_id=user_id))
    destinations = [
        item
        for item in store.list_for_user(user_id)
        if account_id is None or item.account_id == account_id
    ]
    destination = select_destination(destinations, destination_id)
    account = load_account(session, destination.account_id or 0, user_id=user_id)
    return PostTarget(account, destination)


def select_account(
    session: Session, provider: str, account_id: int | None, *, user_id: int
) -> Account:
    """The connected account with this id, or the user's only one.

    Errors: NotFound, NotConnected; Invalid `account_required` if there are several.
    """
    accounts = list(Accounts(session).list_for_user(user_id, provider))
    if account_id is not None:
        accounts = [account for account in accounts if account.id == account_id]
        if not accounts:
            load_account(session, account_id, user_id=user_id)
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        raise build_account_required("account_id")
    return accounts[0]


def select_destination(
    destinations: Sequence[StoredDestination], destination_id: int | None
) -> StoredDestination:
    """Return the one that is named, or the only one that its owner has chosen."""
    if destination_id is not None:
        named = [item for item in destinations if item.id == destination_id]
        if not named:
            raise NotFound(f"no account {destination_id} of this user")
        return named[0]
    chosen = [item for item in destinations if item.is_selected]
    if not chosen:
        raise NotConnected
    if len(chosen) > 1:
        raise build_account_required("destination_id")
    return chosen[0]


def check_destination_usable(destination: StoredDestination) -> None:
    """Errors: NotConnected, NeedsReconnect."""
    if destination.disconnected_at is not None or not destination.is_selected:
        raise NotConnected(f"account {destination.id} is not chosen to be posted to")
    if destination.status == DestinationStatus.BLOCKED:
        raise NotConnected(f"account {destination.id} cannot be used: {destination.status_cause}")
    if destination.status != DestinationStatus.ACTIVE:
        raise NeedsReconnect(
            f"account {destination.id} must be connected again: {destination.status_cause}"
        )


def check_account_active(account: Account) -> None:
    """Errors: NeedsReconnect."""
    if account.status != AccountStatus.ACTIVE:
        raise NeedsReconnect(
            f"account {account.id} must be connected again: {account.status_cause}"
        )


def build_account_required(field: str) -> Invalid:
    return Invalid(
        f"several accounts are connected: name one in {field}",
        code="account_required",
        details={"fields": {field: "is required: several accounts are connected"}},
    )


def build_invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}", details={"fields": {field: message}})
