"""The tokens that a post, or any call for one destination, is made with.

Where the login itself is posted to, that is the login's token alone. A destination may have a
token of its own; the login's is then the fallback for what the destination's may not read. If the
platform refuses a destination's token, a new one is fetched once with the login's.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, Protocol

from core.accounts.destinations import park_destination
from core.accounts.tokens import (
    CALL_REFUSED,
    REFRESH_REQUESTED,
    REFRESH_WAIT,
    AccessToken,
    get_access_token,
    report_refused_token,
)
from core.bootstrap import Services
from core.crypto import destination_token_context
from core.errors import NotConnected
from core.outcomes import Park, Snooze
from db.accounts.accounts import Accounts
from db.accounts.destinations import StoredDestination
from db.accounts.grants import Grants
from db.records.destinations import find_destination_store
from db.session import Session
from platforms.secret import Secret

RECENT_FETCH_WINDOW = timedelta(minutes=5)
"""A token that was fetched so recently and is refused again was not refused because of its age."""


class PostedRow(Protocol):
    """The columns of a post that decide about its tokens."""

    provider: str
    oauth_account_id: int | None
    destination_id: int | None


@dataclass(frozen=True)
class PostingToken:
    """The encrypted tokens of one destination. `destination` of None: the login is posted to."""

    login: AccessToken
    destination: StoredDestination | None = None
    provider: str = ""

    @property
    def has_own_token(self) -> bool:
        return self.destination is not None and self.destination.encrypted_token is not None

    def decrypt(self, services: Services) -> Secret:
        """Return the token to make calls with. Errors: as `AccessToken.decrypt`."""
        self.login.require_flow_in_use(services)
        destination = self.destination
        if destination is None or destination.encrypted_token is None:
            return self.login.decrypt(services)
        context = destination_token_context(
            self.provider, destination.external_id, destination.user_id
        )
        return services.key_ring.decrypt(destination.encrypted_token, context)

    def decrypt_fallback(self, services: Services) -> Secret | None:
        """Return the login's token beside a destination's own; None if there is no other one."""
        return self.login.decrypt(services) if self.has_own_token else None


def get_posting_token(session: Session, post: PostedRow) -> PostingToken:
    """Return the tokens of a post's login and destination.

    Errors: Snooze while one is being renewed; Park if the owner has to connect or choose the
    account again; NotConnected if it was disconnected.
    """
    return get_destination_token(
        session,
        post.provider,
        account_id=post.oauth_account_id,
        destination_id=post.destination_id,
    )


def get_destination_token(
    session: Session, provider: str, *, account_id: int | None, destination_id: int | None
) -> PostingToken:
    """As `get_posting_token`, by ids of rows."""
    login = get_access_token(session, account_id)
    store = find_destination_store(session, provider)
    if store is None or destination_id is None:
        return PostingToken(login, provider=provider)
    destination = store.get(destination_id)
    is_connected = destination is not None and destination.disconnected_at is None
    if destination is None or not is_connected or destination.account_id != login.account_id:
        raise NotConnected("the account is no longer connected: connect it again")
    if not destination.is_usable:
        raise Park("needs_reconnect")
    if destination.encrypted_token is not None and destination.token_refused_at is not None:
        Grants(session).request_refresh(login.account_id, version=login.version)
        raise Snooze(REFRESH_WAIT, REFRESH_REQUESTED)
    return PostingToken(login, destination, provider)


def report_refused_posting_token(
    session: Session, token: PostingToken, *, code: str = "access_token_invalid"
) -> NoReturn:
    """The platform refused the token that `decrypt` returned: have it renewed.

    A destination's token is fetched again with the login's, which is renewed only if it is
    refused too. If the new one is refused as well, the destination alone is parked.
    Errors: Snooze, Park; TokenExpired as `report_refused_token`.
    """
    if token.destination is None or not token.has_own_token:
        report_refused_token(session, token.login)
    store = find_destination_store(session, token.provider)
    present = None if store is None else store.lock(token.destination.id)
    if store is None or present is None:
        raise NotConnected("the account is no longer connected: connect it again")
    if present.token_version != token.destination.token_version:
        raise Snooze(REFRESH_WAIT, CALL_REFUSED)
    if store.was_fetched_recently(present.id, within=RECENT_FETCH_WINDOW):
        login = Accounts(session).get(token.login.account_id)
        if login is not None:
            park_destination(session, login, present, cause=code)
        raise Park("needs_reconnect")
    store.mark_refused(present.id, version=present.token_version)
    Grants(session).request_refresh(token.login.account_id, version=token.login.version)
    raise Snooze(REFRESH_WAIT, CALL_REFUSED)
