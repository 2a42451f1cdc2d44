"""Fetches the tokens of destinations again that the platform has refused.

A destination's token may die while its login lives, as when the person lost their role. Then that
destination alone is parked.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.accounts.destinations import park_destination
from core.bootstrap import Services
from core.crypto import EncryptionContext, destination_token_context
from db.accounts.accounts import Account
from db.posts.parked import ParkedPosts
from db.records.destinations import find_destination_store
from db.session import Session
from platforms.errors import Rejected
from platforms.logins import LoginFlow
from platforms.secret import Secret


@dataclass(frozen=True)
class RefusedDestination:
    """A destination whose token was refused, and the context of its new one."""

    id: int
    external_id: str
    token_version: int
    context: EncryptionContext


@dataclass(frozen=True)
class FetchedToken:
    """The new token of a destination; if None, `cause` says why there is none."""

    destination: RefusedDestination
    encrypted_token: str | None
    cause: str = ""


@dataclass(frozen=True)
class FetchedTokens:
    """What was fetched, and when the login is due next."""

    tokens: tuple[FetchedToken, ...]
    next_delay: timedelta | None


def list_refused_destinations(session: Session, account: Account) -> tuple[RefusedDestination, ...]:
    store = find_destination_store(session, account.provider)
    refused = () if store is None else store.list_refused(account.id)
    return tuple(
        RefusedDestination(
            id=destination.id,
            external_id=destination.external_id,
            token_version=destination.token_version,
            context=destination_token_context(
                account.provider, destination.external_id, destination.user_id
            ),
        )
        for destination in refused
    )


def has_refused_destinations(session: Session, account: Account) -> bool:
    return bool(list_refused_destinations(session, account))


def fetch_destination_tokens(
    destinations: tuple[RefusedDestination, ...],
    flow: LoginFlow,
    token: Secret,
    services: Services,
) -> tuple[FetchedToken, ...]:
    """Fetch each with the login's token. Errors: Revoked, TokenExpired if that is refused too."""
    return tuple(
        fetch_one_token(destination, flow, token, services) for destination in destinations
    )


def fetch_one_token(
    destination: RefusedDestination, flow: LoginFlow, token: Secret, services: Services
) -> FetchedToken:
    try:
        found = flow.fetch_destination(destination.external_id, token)
    except Rejected as error:
        return FetchedToken(destination, None, error.code)
    if found is None or found.blocked or found.token is None:
        cause = found.blocked if found is not None and found.blocked else "destination_not_readable"
        return FetchedToken(destination, None, cause)
    return FetchedToken(destination, services.key_ring.encrypt(found.token, destination.context))


def record_fetched_tokens(session: Session, account: Account, fetched: FetchedTokens) -> None:
    """Store the new tokens, park what has none, and wake the posts that wait for one."""
    store = find_destination_store(session, account.provider)
    for item in fetched.tokens:
        present = None if store is None else store.lock(item.destination.id)
        if store is None or present is None:
            continue
        if present.token_version != item.destination.token_version:
            continue  # connected again meanwhile
        if item.encrypted_token is None:
            park_destination(session, account, present, cause=item.cause)
        else:
            store.replace_token(present.id, item.encrypted_token)
    ParkedPosts(session).wake_waiting_for_token([account.id])
