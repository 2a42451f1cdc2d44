"""The accounts behind one login: store what was found, choose among them, park a lost one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from core import audit
from core.accounts import grant_lifecycle
from core.accounts.events import enqueue_account_event
from core.accounts.sign_in import SignIn
from core.bootstrap import Services
from core.crypto import destination_token_context
from core.errors import Conflict, Invalid, NotFound
from db.accounts.accounts import Account, Accounts
from db.accounts.destinations import (
    AccessLevel,
    DestinationStatus,
    DestinationStore,
    NewDestination,
    StoredDestination,
)
from db.posts.parked import ParkedPosts
from db.posts.timeline import PostEvents
from db.records.destinations import find_destination_store
from db.session import Database, Session
from platforms.logins import Destination, FlowRules, FoundDestinations

log = structlog.get_logger(__name__)

UNAVAILABLE_KEY = "unavailable_destinations"
"""Key in a login's `metadata`: accounts that were found and could not be stored, with reasons."""

DESTINATION_LOST = "account.destination_lost"
"""Name in the audit log, and of the app event."""

CONNECTED_BY_OTHER = "account_already_connected"
NOT_READABLE = "destination_not_readable"
"""Reasons of accounts that could not be stored."""


@dataclass(frozen=True)
class SavedDestinations:
    """What became of the accounts that a login opens."""

    stored: tuple[StoredDestination, ...] = ()

    @property
    def usable(self) -> list[StoredDestination]:
        return [item for item in self.stored if item.status == DestinationStatus.ACTIVE]

    @property
    def needs_choice(self) -> bool:
        """Whether the owner has to choose: several can be used, and none is chosen."""
        return len(self.usable) > 1 and not any(item.is_selected for item in self.stored)


def save_destinations(
    session: Session, services: Services, login: Account, signed_in: SignIn
) -> SavedDestinations:
    """Store the accounts that the login opens; the only usable one is chosen at once.

    One that is missing from the answer keeps its row: the platform leaves out accounts that it
    would still let us use.
    Errors: Conflict `account_already_connected` if other users have connected all of them.
    """
    store = find_destination_store(session, login.provider)
    if store is None or signed_in.found is None:
        return SavedDestinations()
    stored, taken = [], []
    # Rows are locked in one order, so that two sign-ins with the same accounts never deadlock.
    for destination in sorted(signed_in.found.destinations, key=lambda item: item.external_id):
        new = encrypt_destination(destination, login, signed_in, services)
        row = store.save(login, new)
        if row is None:
            taken.append(destination)
        else:
            stored.append(row)
    if not stored and taken:
        message = "another user has connected these accounts: that user has to disconnect first"
        raise Conflict(message, code=CONNECTED_BY_OTHER)
    note_unavailable(login, taken, signed_in.found)
    log_missing(store, login, signed_in.found)
    return choose_only_destination(store, SavedDestinations(tuple(stored)))


def encrypt_destination(
    destination: Destination, login: Account, signed_in: SignIn, services: Services
) -> NewDestination:
    """Encrypt the destination's token, bound to its id and its owner."""
    context = destination_token_context(login.provider, destination.external_id, login.user_id)
    token = destination.token
    return NewDestination(
        external_id=destination.external_id,
        name=destination.name,
        flow=signed_in.rules.name,
        access_level=access_level(destination, signed_in.rules, signed_in.scopes),
        handle=destination.handle,
        avatar_url=destination.avatar_url,
        account_type=destination.account_type,
        encrypted_token=None if token is None else services.key_ring.encrypt(token, context),
        blocked=destination.blocked,
        details=destination.details,
    )


def access_level(
    destination: Destination, rules: FlowRules, scopes: tuple[str, ...]
) -> AccessLevel:
    if destination.blocked:
        return AccessLevel.READ_ONLY
    needed = frozenset[str]().union(*rules.scopes.values())
    return AccessLevel.FULL if needed <= set(scopes) else AccessLevel.LIMITED


def note_unavailable(
    login: Account, taken: Sequence[Destination], found: FoundDestinations
) -> None:
    """Keep with the login what was found and could not be stored, to be shown with its reason."""
    unavailable: list[dict[str, Any]] = [
        {"external_id": item.external_id, "name": item.name, "reason": CONNECTED_BY_OTHER}
        for item in taken
    ]
    unavailable += [
        {"external_id": external_id, "name": None, "reason": NOT_READABLE}
        for external_id in found.unreadable_ids
    ]
    details = {name: value for name, value in login.details.items() if name != UNAVAILABLE_KEY}
    login.details = {**details, UNAVAILABLE_KEY: unavailable} if unavailable else details


def log_missing(store: DestinationStore, login: Account, found: FoundDestinations) -> None:
    found_ids = {item.external_id for item in found.destinations}
    missing = [
        item.id for item in store.list_for_login(login.id) if item.external_id not in found_ids
    ]
    if missing:
        log.warning(
            "connect.destination_missing",
            account=login.id,
            destinations=missing,
            complete=found.is_complete,
        )


def choose_only_destination(store: DestinationStore, saved: SavedDestinations) -> SavedDestinations:
    is_only = len(saved.usable) == 1 and not any(item.is_selected for item in saved.stored)
    if not is_only:
        return saved
    only = saved.usable[0]
    store.select([only.id], [])
    return SavedDestinations(
        tuple(store.get(item.id) or item if item.id == only.id else item for item in saved.stored)
    )


@dataclass(frozen=True)
class DestinationChoice:
    """What a choice changed, by row id, beside the accounts as they are now."""

    destinations: tuple[StoredDestination, ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]


def choose_destinations(
    database: Database, *, user_id: int, provider: str, destination_ids: Collection[int]
) -> DestinationChoice:
    """Choose exactly these accounts of the user to be posted to.

    Posts that wait because their account was not chosen are resumed.
    Errors: NotFound for an id that is not theirs; Invalid for an account that cannot be used.
    """
    with database.transaction() as session:
        store = find_destination_store(session, provider)
        rows = () if store is None else store.lock_for_user(user_id)
        chosen = set(destination_ids)
        if store is None or not chosen <= {row.id for row in rows}:
            raise NotFound("this user has no such account")
        blocked = sorted(
            row.id for row in rows if row.id in chosen and row.status == DestinationStatus.BLOCKED
        )
        if blocked:
            raise Invalid("some of these accounts cannot be used", details={"accountIds": blocked})
        added = tuple(row.id for row in rows if row.id in chosen and not row.is_selected)
        removed = tuple(row.id for row in rows if row.id not in chosen and row.is_selected)
        store.select(added, removed)
        resume_posts(session, [row for row in rows if row.id in added])
        return DestinationChoice(tuple(store.list_for_user(user_id)), added, removed)


def resume_posts(session: Session, destinations: Sequence[StoredDestination]) -> None:
    """Resume the parked posts of the logins of these destinations; each checks its own account."""
    for login_id in sorted({item.account_id for item in destinations if item.account_id}):
        login = Accounts(session).get(login_id)
        if login is not None:
            for post in ParkedPosts(session).resume(login.id):
                PostEvents(session).add(post, "resumed", note="the account is connected again")


def park_destination(
    session: Session, login: Account, destination: StoredDestination, *, cause: str
) -> None:
    """The login can be used, but not this destination: park its posts, notify the owner."""
    store = find_destination_store(session, login.provider)
    if store is None or destination.status != DestinationStatus.ACTIVE:
        return
    store.set_status(destination.id, DestinationStatus.NEEDS_RECONNECT, cause)
    parked = ParkedPosts(session).park(
        login.id, grant_lifecycle.NEEDS_RECONNECT, destination_id=destination.id
    )
    for post in parked:
        PostEvents(session).add(post, "held", note=grant_lifecycle.NEEDS_RECONNECT)
    grant_lifecycle.notify_owner(
        session,
        login,
        grant_lifecycle.NEEDS_RECONNECT,
        deduplication_key=f"destination:{destination.id}:{destination.token_version}",
        name=destination.name,
        why=cause,
        code=cause,
    )
    record_lost_destination(session, login, destination, cause=cause)


def record_lost_destination(
    session: Session, login: Account, destination: StoredDestination, *, cause: str
) -> None:
    """Write the loss to the audit log and to the outbox."""
    audit.record_action(
        session,
        DESTINATION_LOST,
        user_id=login.user_id,
        subject=f"account:{login.id}",
        details={"destination": destination.id, "cause": cause},
    )
    enqueue_account_event(
        session,
        login,
        DESTINATION_LOST,
        destination_id=destination.id,
        destination_name=destination.name,
        external_id=destination.external_id,
        cause=cause,
    )
