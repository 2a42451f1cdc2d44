"""Queries about the tokens of accounts: store a grant, check validity, request a refresh.

All times are the database's. Updates on behalf of a post skip locked rows instead of waiting,
because the caller holds other locks.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Interval,
    and_,
    bindparam,
    cast,
    extract,
    false,
    func,
    not_,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, with_expression
from sqlalchemy.orm.attributes import set_committed_value

from db.accounts.accounts import Account, AccountStatus
from db.bulk import IDS_PARAMETER, is_any_of, is_given_id
from db.session import DEFAULT_TOKEN_GUARD, GUARD_INFO_KEY

EXPIRED_TOKEN_RETENTION = timedelta(days=7)
"""How long tokens that expired and cannot be refreshed are kept."""

RECENT_REFRESH_WINDOW = timedelta(minutes=5)
"""A token younger than this was not refused because of its age."""

REFUSED_VERSION_KEY = "refused_version"
"""Key in `metadata`: the version of the tokens that the platform refused."""

RENEWAL_KEY = "renewal"
"""Key in `metadata`: how the tokens of this login are renewed; absent: by a refresh token."""

FLOW_KEY = "flow"
"""Key in `metadata`: the way of signing in, where a platform has several."""

CAUSES_OF_OPERATORS = ("login_changed", "restored")
"""Values of `status_cause` that end without the owner: the grant itself is still there."""

EXCHANGED_TOKEN = "exchange"  # noqa: S105 - the value for access tokens that renew themselves

GUARD_PARAMETER = "guard"
"""Name of the parameter for how long a token must still be valid. Units: seconds."""

LAST_USED_PRECISION = timedelta(minutes=10)
"""Precision of `last_used_at`: writing it at every call would lock the row at every call."""

ACCOUNT_TABLE: Any = Account.__table__
UNIQUE_COLUMNS = ("user_id", "provider", "open_id")
RESET_COLUMNS = {
    "status": AccountStatus.ACTIVE,
    "status_cause": None,
    "disconnected_at": None,
    "refresh_failures": 0,
    "last_refresh_error": None,
    "refresh_started_at": None,
    "leased_until": None,
}
"""Columns that a new grant resets: the errors of the old one do not concern it."""


class ConnectedByAnotherUser(Exception):
    """The account is connected by another user."""


class Grants:
    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.clock_timestamp()

    def store(
        self, *, user_id: int, provider: str, open_id: str, **granted_columns: Any
    ) -> Account:
        """Insert the account with its grant, or replace the grant that this user had of it.

        Shapes: `granted_columns` are columns by name. `metadata` is merged with the stored one;
        a refresh token of None keeps the stored one.
        Errors: ConnectedByAnotherUser.
        """
        owner = {"user_id": user_id, "provider": provider, "open_id": open_id}
        columns = RESET_COLUMNS | granted_columns | {"last_refreshed_at": func.clock_timestamp()}
        statement = insert(ACCOUNT_TABLE).values(owner | columns)
        updated_columns = {name: statement.excluded[name] for name in columns} | merged_columns(
            statement.excluded
        )
        upsert = statement.on_conflict_do_update(
            index_elements=UNIQUE_COLUMNS, set_=updated_columns
        )
        try:
            with self._session.begin_nested():
                account_id = self._session.scalar(upsert.returning(ACCOUNT_TABLE.c.id))
        except IntegrityError as error:
            if "uq_oauth_accounts_live" not in str(error.orig):
                raise
            raise ConnectedByAnotherUser from None
        return self._session.get_one(Account, account_id, populate_existing=True)

    def remaining_lifetime(self, account_id: int) -> timedelta | None:
        """Return how long the access token is still valid; negative once it has expired.

        None if the token has no end.
        """
        remaining = type_coerce(Account.expires_at - func.clock_timestamp(), Interval())
        return self._session.scalars(select(remaining).where(Account.id == account_id)).one()

    def has_live_token(self, account_id: int) -> bool:
        """Whether the access token has not expired. The platform may have refused it."""
        remaining = self.remaining_lifetime(account_id)
        return remaining is None or remaining > timedelta(0)

    def is_grant_gone(self, account_id: int) -> bool:
        """Whether nothing can be done with the account before its owner signs in again."""
        return bool(self._session.scalar(select(is_dead_login()).where(Account.id == account_id)))

    def is_login_in_use(self, provider: str, login_id: str) -> bool:
        """Whether a connected account, of whichever user, works with this login."""
        query = select(Account.id).where(
            Account.provider == provider,
            Account.open_id == login_id,
            Account.disconnected_at.is_(None),
            not_(is_dead_login()),
        )
        return self._session.scalar(query) is not None

    def has_usable_token(self, account_id: int) -> bool:
        """Whether the access token may be used for a call, which may take a while."""
        query = select(has_usable_token()).where(Account.id == account_id)
        return self._session.scalars(query, {GUARD_PARAMETER: self._guard_seconds()}).one()

    def list_with_token_state(self, account_ids: Collection[int | None]) -> Sequence[Account]:
        """Load accounts together with `has_usable_token` and `was_used_recently`."""
        ids = [account_id for account_id in account_ids if account_id is not None]
        values = {IDS_PARAMETER: ids, GUARD_PARAMETER: self._guard_seconds()}
        options = {"populate_existing": True}
        return self._session.scalars(list_statement(), values, execution_options=options).all()

    def _guard_seconds(self) -> float:
        guard: timedelta = self._session.info.get(GUARD_INFO_KEY, DEFAULT_TOKEN_GUARD)
        return guard.total_seconds()

    def request_refresh(self, account_id: int, *, version: int) -> None:
        """Make the account due for refresh now, if its tokens are still those of `version`.

        A refresh that is under way, or waits for its next retry, is left alone.
        """
        same_version = Account.token_version == version
        is_idle = (Account.leased_until.is_(None), Account.attempts == 0)
        self._update([account_id], same_version, *is_idle, refresh_due_at=func.clock_timestamp())

    def force_refresh(self, account_id: int, *, version: int) -> bool:
        """Request a refresh of tokens that the platform refused; `has_usable_token` is now False.

        Return False if these tokens come from such a refresh less than `RECENT_REFRESH_WINDOW`
        ago: a further refresh would not help either.
        """
        same_version = Account.token_version == version
        was_refused_before = Account.details[REFUSED_VERSION_KEY].as_integer() == version - 1
        is_recent = Account.last_refreshed_at > func.clock_timestamp() - RECENT_REFRESH_WINDOW
        query = select(Account.id).where(
            Account.id == account_id, same_version, was_refused_before, is_recent
        )
        if self._session.scalar(query) is not None:
            return False
        new_metadata = ACCOUNT_TABLE.c.metadata.concat(cast({REFUSED_VERSION_KEY: version}, JSONB))
        self._update([account_id], same_version, metadata=new_metadata)
        self.request_refresh(account_id, version=version)
        return True

    def is_refreshing(self, account_id: int) -> bool:
        """Whether a refresh is under way, or due and not yet claimed."""
        is_refreshing = or_(
            Account.leased_until.is_not(None), Account.due_at <= func.clock_timestamp()
        )
        return bool(self._session.scalar(select(is_refreshing).where(Account.id == account_id)))

    def schedule_missing_refreshes(self) -> int:
        """Make accounts due that can be refreshed but have no due time. Return how many."""
        conditions = (
            Account.status == AccountStatus.ACTIVE,
            or_(
                Account.refresh_token_encrypted.is_not(None),
                Account.details[RENEWAL_KEY].as_string() == EXCHANGED_TOKEN,
            ),
            Account.due_at.is_(None),
            Account.leased_until.is_(None),
        )
        unlocked = (
            select(Account.id).where(*conditions).with_for_update(skip_locked=True).cte("free")
        )
        statement = (
            update(ACCOUNT_TABLE)
            .where(ACCOUNT_TABLE.c.id == unlocked.c.id)
            .values(refresh_due_at=func.now())
        )
        return len(self._session.execute(statement.returning(ACCOUNT_TABLE.c.id)).all())

    def list_due_for_inspection(
        self, provider: str, *, interval: timedelta, limit: int
    ) -> Sequence[Account]:
        """List active accounts whose tokens were not inspected for this long, oldest first."""
        inspected_at = Account.inspected_at
        query = select(Account).where(
            Account.provider == provider,
            Account.status == AccountStatus.ACTIVE,
            or_(inspected_at.is_(None), inspected_at < func.now() - interval),
        )
        return self._session.scalars(
            query.order_by(inspected_at.asc().nulls_first()).limit(limit)
        ).all()

    def lock_expired(self, *, limit: int) -> Sequence[Account]:
        """Lock accounts whose expired tokens are to be cleared, oldest first; skip locked rows."""
        refresh_expired = Account.refresh_expires_at <= func.now()
        query = select(Account).where(
            Account.expires_at < func.now() - EXPIRED_TOKEN_RETENTION,
            Account.access_token_encrypted.is_not(None),
            or_(
                Account.refresh_token_encrypted.is_(None),
                refresh_expired,
                Account.status != AccountStatus.ACTIVE,
            ),
            Account.status != AccountStatus.CRYPTO_ERROR,  # the key may be restored
        )
        lock_query = (
            query.order_by(Account.expires_at).limit(limit).with_for_update(skip_locked=True)
        )
        return self._session.scalars(lock_query).all()

    def mark_used(self, *accounts: Account) -> None:
        """Record that the tokens of these accounts are used for a call."""
        self._update(
            [account.id for account in accounts], is_unused_recently(), last_used_at=func.now()
        )
        for account in accounts:
            set_committed_value(account, "was_used_recently", True)

    def _update(
        self, account_ids: Collection[int], *conditions: ColumnElement[bool], **values: Any
    ) -> None:
        """Update these accounts where the conditions hold; skip rows that are locked."""
        query = select(Account.id).where(is_any_of(account_ids, Account.id), *conditions)
        unlocked = query.with_for_update(skip_locked=True).cte("free")
        statement = update(ACCOUNT_TABLE).where(ACCOUNT_TABLE.c.id == unlocked.c.id).values(values)
        self._session.execute(statement)


@cache
def list_statement() -> Any:
    """SELECT of the given accounts with the state of their tokens. Built once: that takes longer
    than everything else about reading the accounts of a batch.
    """
    expressions = (
        with_expression(Account.has_usable_token, has_usable_token()),
        with_expression(Account.was_used_recently, not_(is_unused_recently())),
    )
    return select(Account).where(is_given_id(Account.id)).options(*expressions)


def has_usable_token() -> ColumnElement[bool]:
    """SQL: the token was not refused and is valid for longer than GUARD_PARAMETER.

    For a token whose whole lifetime is short, a quarter of it is enough. One without an end is
    always valid long enough.
    """
    guard = bindparam(GUARD_PARAMETER, type_=Float)
    lifetime = interval_seconds(Account.expires_at - Account.last_refreshed_at)
    remaining = interval_seconds(Account.expires_at - func.clock_timestamp())
    is_refused = Account.details[REFUSED_VERSION_KEY].as_integer() == Account.token_version
    lasts_long_enough = remaining > func.least(guard, lifetime / 4)
    has_no_end = Account.expires_at.is_(None)
    return and_(or_(has_no_end, lasts_long_enough), not_(func.coalesce(is_refused, false())))


def is_dead_login() -> ColumnElement[bool]:
    """SQL: the platform has ended the grant, or its tokens are cleared or spent.

    A login that waits for an operator is not dead: its flow is switched off, or the key of its
    tokens is missing.
    """
    now = func.clock_timestamp()
    is_renewable = and_(
        Account.refresh_token_encrypted.is_not(None),
        or_(Account.refresh_expires_at.is_(None), Account.refresh_expires_at > now),
    )
    is_refused = and_(
        Account.status == AccountStatus.NEEDS_RECONNECT,
        func.coalesce(Account.status_cause, "").not_in(CAUSES_OF_OPERATORS),
    )
    is_spent = and_(Account.expires_at.is_not(None), Account.expires_at <= now, not_(is_renewable))
    return or_(
        Account.status.in_((AccountStatus.REVOKED, AccountStatus.DISCONNECTED)),
        Account.access_token_encrypted.is_(None),
        is_refused,
        and_(Account.status == AccountStatus.ACTIVE, is_spent),
    )


def interval_seconds(interval: Any) -> ColumnElement[Any]:
    return extract("epoch", interval)


def is_unused_recently() -> ColumnElement[bool]:
    """No use of the token is recorded within `LAST_USED_PRECISION`."""
    return or_(
        Account.last_used_at.is_(None), Account.last_used_at < func.now() - LAST_USED_PRECISION
    )


def merged_columns(new: Any) -> dict[str, Any]:
    """Columns that combine the new grant with the stored row.

    The raised lease token is the fence against a refresh of the old grant that is under way.
    """
    old = ACCOUNT_TABLE.c
    return {
        "refresh_token_encrypted": func.coalesce(
            new.refresh_token_encrypted, old.refresh_token_encrypted
        ),
        "metadata": old.metadata.op("-")(REFUSED_VERSION_KEY).concat(new.metadata),
        "inspected_at": None,
        "token_version": old.token_version + 1,
        "lease_token": old.lease_token + 1,
    }
