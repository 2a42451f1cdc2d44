"""The tokens of accounts as they come, age and are used. Must not decide what follows from it.

Times are the database's. What is asked on behalf of a post never waits for a row that somebody
holds, since the caller holds rows of its own.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    and_,
    cast,
    exists,
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

from db.accounts import Account, AccountStatus
from db.posts import Post
from db.recordset import among
from db.session import GUARD, LEAST

DAY, WEEK = timedelta(days=1), timedelta(days=7)
FRESH = timedelta(minutes=5)  # a token younger than that was not refused for its age
REFUSED = "refused_version"  # in `metadata`: which tokens the platform took no longer
SELDOM = timedelta(minutes=10)  # how exact `last_used_at` is: a write per call is a lock per call

TABLE: Any = Account.__table__
KEY = ("user_id", "provider", "open_id")
FORGOTTEN = {
    "status": AccountStatus.ACTIVE,
    "status_cause": None,
    "disconnected_at": None,
    "refresh_failures": 0,
    "last_refresh_error": None,
    "refresh_started_at": None,
    "leased_until": None,
}
"""What a new grant knows of the old one's troubles: nothing."""


class LiveElsewhere(Exception):
    """The account is connected by another user."""


class Grants:
    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.clock_timestamp()

    def store(self, *, user_id: int, provider: str, open_id: str, **granted: Any) -> Account:
        """A grant as answered, over whatever this user had of the same account.

        Shapes: `granted` are columns; `metadata` is merged, no new refresh token keeps the old.
        Errors: LiveElsewhere.
        """
        owner = {"user_id": user_id, "provider": provider, "open_id": open_id}
        columns = FORGOTTEN | granted | {"last_refreshed_at": func.clock_timestamp()}
        wanted = insert(TABLE).values(owner | columns)
        replaced = {name: wanted.excluded[name] for name in columns} | merged(wanted.excluded)
        stored = wanted.on_conflict_do_update(index_elements=KEY, set_=replaced)
        try:
            with self._session.begin_nested():
                account_id = self._session.scalar(stored.returning(TABLE.c.id))
        except IntegrityError as error:
            if "uq_oauth_accounts_live" not in str(error.orig):
                raise
            raise LiveElsewhere from None
        return self._session.get_one(Account, account_id, populate_existing=True)

    def remaining(self, account_id: int) -> timedelta:
        """What is left of the access token; negative once it has ended."""
        left = type_coerce(Account.expires_at - func.clock_timestamp(), Interval())
        return self._session.scalars(select(left).where(Account.id == account_id)).one()

    def alive(self, account_id: int) -> bool:
        return self.remaining(account_id) > timedelta(0)

    def lasts(self, account_id: int) -> bool:
        """Whether its access token may be handed out."""
        found = select(self._lasts()).where(Account.id == account_id)
        return self._session.scalars(found).one()

    def several(self, ids: Collection[int | None]) -> Sequence[Account]:
        """Accounts, with `lasts` and `used_lately`."""
        told = (
            with_expression(Account.lasts, self._lasts()),
            with_expression(Account.used_lately, not_(idle())),
        )
        wanted = select(Account).where(Account.id.in_(ids)).options(*told)
        return self._session.scalars(wanted, execution_options={"populate_existing": True}).all()

    def _lasts(self) -> ColumnElement[bool]:
        """Not refused, and good for longer than TOKEN_GUARD_MINUTES.

        Of a token that lives hardly longer than that, a quarter of its life is enough.
        """
        guard: timedelta = self._session.info.get(LEAST, GUARD)
        life = seconds(Account.expires_at - Account.last_refreshed_at)
        left = seconds(Account.expires_at - func.clock_timestamp())
        refused = Account.details[REFUSED].as_integer() == Account.token_version
        enough = left > func.least(guard.total_seconds(), life / 4)
        return and_(enough, not_(func.coalesce(refused, false())))

    def in_use(self, account_ids: Collection[int]) -> set[int]:
        """With whose tokens somebody called within a day, or who have posts due within one."""
        posts = exists().where(Post.oauth_account_id == Account.id, Post.due_at < func.now() + DAY)
        recently = Account.last_used_at > func.now() - DAY
        found = select(Account.id).where(Account.id.in_(account_ids), or_(recently, posts))
        return set(self._session.scalars(found)) if account_ids else set()

    def hasten(self, account_id: int, *, version: int) -> None:
        """Due for refresh now, if the tokens are still those of `version`.

        A refresh that is under way, or being retried at its own pace, is not hurried.
        """
        same = Account.token_version == version
        idle = (Account.leased_until.is_(None), Account.attempts == 0)
        self._set([account_id], same, *idle, refresh_due_at=func.clock_timestamp())

    def force(self, account_id: int, *, version: int) -> bool:
        """As `hasten`, for tokens the platform does not take before their time; nobody gets them
        any more.

        False if they are themselves the fruit of a refusal a moment ago: another pair would fare
        no better.
        """
        current = Account.token_version == version
        renewed = Account.details[REFUSED].as_integer() == version - 1
        young = Account.last_refreshed_at > func.clock_timestamp() - FRESH
        asked = select(Account.id).where(Account.id == account_id, current, renewed, young)
        if self._session.scalar(asked) is not None:
            return False
        marked = TABLE.c.metadata.concat(cast({REFUSED: version}, JSONB))
        self._set([account_id], current, metadata=marked)
        self.hasten(account_id, version=version)
        return True

    def is_under_way(self, account_id: int) -> bool:
        """Somebody refreshes it, or the first to look will."""
        soon = or_(Account.leased_until.is_not(None), Account.due_at <= func.clock_timestamp())
        return bool(self._session.scalar(select(soon).where(Account.id == account_id)))

    def reschedule(self) -> int:
        """Accounts that can be renewed and are never due: how many fell due now instead."""
        stray = (
            Account.status == AccountStatus.ACTIVE,
            Account.refresh_token_encrypted.is_not(None),
            Account.due_at.is_(None),
            Account.leased_until.is_(None),
        )
        free = select(Account.id).where(*stray).with_for_update(skip_locked=True).cte("free")
        due = update(TABLE).where(TABLE.c.id == free.c.id).values(refresh_due_at=func.now())
        return len(self._session.execute(due.returning(TABLE.c.id)).all())

    def dead(self, *, limit: int) -> Sequence[Account]:
        """Over for a week, and nothing left to renew them with; locked, the oldest first."""
        gone = Account.refresh_expires_at <= func.now()
        found = select(Account).where(
            Account.expires_at < func.now() - WEEK,
            Account.access_token_encrypted.is_not(None),
            or_(
                Account.refresh_token_encrypted.is_(None),
                gone,
                Account.status != AccountStatus.ACTIVE,
            ),
            Account.status != AccountStatus.CRYPTO_ERROR,  # the key may come back
        )
        free = found.order_by(Account.expires_at).limit(limit).with_for_update(skip_locked=True)
        return self._session.scalars(free).all()

    def used(self, *accounts: Account) -> None:
        """A call is made with the token of each."""
        self._set([account.id for account in accounts], idle(), last_used_at=func.now())
        for account in accounts:
            set_committed_value(account, "used_lately", True)

    def _set(
        self, account_ids: Collection[int], *conditions: ColumnElement[bool], **values: Any
    ) -> None:
        mine = select(Account.id).where(among(account_ids, Account.id), *conditions)
        free = mine.with_for_update(skip_locked=True).cte("free")
        changed = update(TABLE).where(TABLE.c.id == free.c.id).values(values)
        self._session.execute(changed)


def seconds(interval: Any) -> ColumnElement[Any]:
    return extract("epoch", interval)


def idle() -> ColumnElement[bool]:
    """Nothing was called with its token of late, as far as anybody wrote down."""
    return or_(Account.last_used_at.is_(None), Account.last_used_at < func.now() - SELDOM)


def merged(new: Any) -> dict[str, Any]:
    """Raising the lease token fences whoever is refreshing the grant that is replaced."""
    old = TABLE.c
    return {
        "refresh_token_encrypted": func.coalesce(
            new.refresh_token_encrypted, old.refresh_token_encrypted
        ),
        "metadata": old.metadata.op("-")(REFUSED).concat(new.metadata),
        "token_version": old.token_version + 1,
        "lease_token": old.lease_token + 1,
    }
