"""Instagram's destinations: the rows of `instagram_accounts`."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.accounts.accounts import Account
from db.accounts.destinations import (
    DestinationStatus,
    NewDestination,
    StoredDestination,
)
from db.accounts.grants import is_dead_login
from db.bulk import is_any_of
from db.comments.replies import CommentReply
from db.insights.snapshots import MetricSnapshot
from db.posts.posts import Post
from db.records.instagram_tables import IgMedia, InstagramAccount

PROVIDER = "instagram"
TABLE: Any = InstagramAccount.__table__
MAX_NAME_LENGTH = 255  # characters of the column `username`
DETAIL_NAMES = ("name", "avatar_url", "account_type")
"""Fields of a destination that are kept in `metadata`, beside the platform's own details."""

UNFINISHED_STATES = ("QUEUED", "SENDING", "PROCESSING", "UNCONFIRMED")
NO_SESSION_SYNC = {"synchronize_session": False}
RELOADED = {"populate_existing": True}


class InstagramDestinations:
    """The `DestinationStore` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def save(self, login: Account, found: NewDestination) -> StoredDestination | None:
        owner_of = select(InstagramAccount.user_id, InstagramAccount.id, TABLE.c.oauth_account_id)
        previous = self._session.execute(
            owner_of.where(InstagramAccount.ig_business_id == found.external_id).with_for_update()
        ).one_or_none()
        row_id = self._session.scalar(upsert_statement(login, found))
        if row_id is None:
            return None
        if previous is not None and previous.user_id != login.user_id:
            self._delete_media(row_id)
        elif previous is not None and previous.oauth_account_id != login.id:
            self._move_posts(row_id, login)
        return self.get(row_id)

    def get(self, destination_id: int) -> StoredDestination | None:
        return self._load_one(select(InstagramAccount).where(TABLE.c.id == destination_id))

    def lock(self, destination_id: int) -> StoredDestination | None:
        query = select(InstagramAccount).where(TABLE.c.id == destination_id)
        return self._load_one(query.with_for_update(key_share=True))

    def list_for_user(self, user_id: int) -> Sequence[StoredDestination]:
        return self._load(connected_rows(InstagramAccount.user_id == user_id))

    def list_for_login(self, account_id: int) -> Sequence[StoredDestination]:
        return self._load(connected_rows(InstagramAccount.oauth_account_id == account_id))

    def lock_for_user(self, user_id: int) -> Sequence[StoredDestination]:
        query = connected_rows(InstagramAccount.user_id == user_id)
        return self._load(query.with_for_update(key_share=True))

    def select(self, chosen: Collection[int], others: Collection[int]) -> None:
        for ids, is_selected in ((chosen, True), (others, False)):
            if ids:
                condition = is_any_of(ids, InstagramAccount.id)
                self._update(condition, selected=is_selected)

    def list_refused(self, account_id: int) -> Sequence[StoredDestination]:
        is_refused = and_(
            InstagramAccount.oauth_account_id == account_id,
            InstagramAccount.token_refused_at.is_not(None),
            InstagramAccount.status == DestinationStatus.ACTIVE,
        )
        return self._load(connected_rows(is_refused))

    def mark_refused(self, destination_id: int, *, version: int) -> None:
        same_token = and_(TABLE.c.id == destination_id, TABLE.c.token_version == version)
        self._update(same_token, token_refused_at=func.clock_timestamp())

    def was_fetched_recently(self, destination_id: int, *, within: timedelta) -> bool:
        is_recent = InstagramAccount.token_fetched_at > func.clock_timestamp() - within
        query = select(TABLE.c.id).where(TABLE.c.id == destination_id, is_recent)
        return self._session.scalar(query) is not None

    def replace_token(self, destination_id: int, encrypted_token: str) -> None:
        self._update(
            TABLE.c.id == destination_id,
            page_access_token_encrypted=encrypted_token,
            token_version=TABLE.c.token_version + 1,
            token_refused_at=None,
            token_fetched_at=func.clock_timestamp(),
        )

    def set_status(self, destination_id: int, status: DestinationStatus, cause: str | None) -> None:
        self._update(TABLE.c.id == destination_id, status=status, status_cause=cause)

    def record_subscription(self, destination_id: int, error: str | None) -> None:
        subscribed_at = func.coalesce(TABLE.c.subscribed_at, func.now()) if error is None else None
        self._update(
            TABLE.c.id == destination_id,
            subscribed_at=subscribed_at,
            subscription_checked_at=func.now(),
            subscription_error=error,
        )

    def list_due_for_subscription(
        self, *, interval: timedelta, limit: int
    ) -> Sequence[StoredDestination]:
        checked_at = InstagramAccount.subscription_checked_at
        is_due = and_(
            InstagramAccount.selected,
            InstagramAccount.status == DestinationStatus.ACTIVE,
            or_(checked_at.is_(None), checked_at < func.now() - interval),
        )
        query = connected_rows(is_due).order_by(None)
        return self._load(query.order_by(checked_at.asc().nulls_first()).limit(limit))

    def clear_tokens(self, account_id: int) -> None:
        self._update(
            TABLE.c.oauth_account_id == account_id,
            page_access_token_encrypted=None,
            token_version=TABLE.c.token_version + 1,
            token_refused_at=None,
        )

    def disconnect(self, account_id: int) -> None:
        self.clear_tokens(account_id)
        self._update(
            TABLE.c.oauth_account_id == account_id,
            subscribed_at=None,
            subscription_checked_at=None,
            subscription_error=None,
            disconnected_at=func.coalesce(TABLE.c.disconnected_at, func.now()),
        )

    def erase(self, account_id: int) -> Sequence[str]:
        of_login = select(TABLE.c.id).where(TABLE.c.oauth_account_id == account_id)
        self._delete_snapshots(of_login)
        replies = delete(CommentReply).where(
            CommentReply.provider == PROVIDER, CommentReply.destination_id.in_(of_login)
        )
        self._session.execute(replies, execution_options=NO_SESSION_SYNC)
        statement = delete(TABLE).where(TABLE.c.oauth_account_id == account_id)
        return list(self._session.scalars(statement.returning(TABLE.c.ig_business_id)))

    def _delete_media(self, destination_id: int) -> None:
        """Delete what was stored for the former owner, so that the new one does not see it."""
        self._delete_snapshots(select(TABLE.c.id).where(TABLE.c.id == destination_id))
        statement = delete(IgMedia).where(IgMedia.instagram_account_id == destination_id)
        self._session.execute(statement, execution_options=NO_SESSION_SYNC)

    def _delete_snapshots(self, destination_ids: Select[Any]) -> None:
        media_ids = select(IgMedia.id).where(IgMedia.instagram_account_id.in_(destination_ids))
        subjects = (("destination", destination_ids), ("media", media_ids))
        for subject_type, subject_ids in subjects:
            conditions = (
                MetricSnapshot.provider == PROVIDER,
                MetricSnapshot.subject_type == subject_type,
                MetricSnapshot.subject_id.in_(subject_ids),
            )
            self._session.execute(
                delete(MetricSnapshot).where(*conditions), execution_options=NO_SESSION_SYNC
            )

    def _move_posts(self, destination_id: int, login: Account) -> None:
        """Let the unfinished posts of a destination use the login that it belongs to now."""
        conditions = (
            Post.provider == PROVIDER,
            Post.destination_id == destination_id,
            Post.user_id == login.user_id,
            Post.state.in_(UNFINISHED_STATES),
        )
        statement = update(Post).where(*conditions).values(oauth_account_id=login.id)
        self._session.execute(statement, execution_options=NO_SESSION_SYNC)

    def _update(self, condition: Any, **values: Any) -> None:
        self._session.execute(update(TABLE).where(condition).values(values))

    def _load(self, query: Select[Any]) -> Sequence[StoredDestination]:
        rows = self._session.scalars(query, execution_options=RELOADED)
        return [to_stored_destination(row) for row in rows]

    def _load_one(self, query: Select[Any]) -> StoredDestination | None:
        return next(iter(self._load(query)), None)


def connected_rows(condition: Any) -> Select[Any]:
    query = select(InstagramAccount).where(InstagramAccount.disconnected_at.is_(None), condition)
    return query.order_by(InstagramAccount.id)


def upsert_statement(login: Account, found: NewDestination) -> Any:
    """The INSERT that returns the row's id, or nothing if the row belongs to another user."""
    statement = insert(TABLE).values(destination_columns(login, found))
    new, old = statement.excluded, TABLE.c
    is_same_owner = and_(old.user_id == new.user_id, old.disconnected_at.is_(None))
    keeps_token = and_(
        old.user_id == new.user_id,
        old.login_flavour == new.login_flavour,
        new.status == DestinationStatus.BLOCKED,
    )
    changes = {column.name: column for column in new if column.name in destination_names()} | {
        "metadata": case(
            (old.user_id == new.user_id, old.metadata.concat(new.metadata)), else_=new.metadata
        ),
        "page_access_token_encrypted": case(
            (
                keeps_token,
                func.coalesce(new.page_access_token_encrypted, old.page_access_token_encrypted),
            ),
            else_=new.page_access_token_encrypted,
        ),
        # The same owner finds the choice of before the disconnect again.
        "selected": and_(old.user_id == new.user_id, old.selected),
        "subscribed_at": case((is_same_owner, old.subscribed_at)),
        "token_version": old.token_version + 1,
        "token_refused_at": None,
        "token_fetched_at": None,
        "disconnected_at": None,
    }
    may_replace = or_(
        old.user_id == new.user_id,
        old.disconnected_at.is_not(None),
        old.selected.is_(False),
        and_(new.status == DestinationStatus.ACTIVE, is_unusable(old)),
    )
    upsert = statement.on_conflict_do_update(
        index_elements=["ig_business_id"], set_=changes, where=may_replace
    )
    return upsert.returning(TABLE.c.id)


def is_unusable(row: Any) -> Any:
    """SQL: the row's user can do nothing with it without signing in again, and another one can.

    A login that a parallel transaction has just stored cannot be seen here: it is not dead.
    """
    has_dead_login = exists().where(Account.id == row.oauth_account_id, is_dead_login())
    has_no_login = row.oauth_account_id.is_(None)
    return or_(row.status != DestinationStatus.ACTIVE, has_no_login, has_dead_login)


def destination_columns(login: Account, found: NewDestination) -> dict[str, Any]:
    details = {**found.details, **{name: getattr(found, name) for name in DETAIL_NAMES}}
    page_id = found.details.get("page_id")
    return {
        "user_id": login.user_id,
        "oauth_account_id": login.id,
        "ig_business_id": found.external_id,
        "page_id": page_id,
        "username": (found.handle or found.name)[:MAX_NAME_LENGTH],
        "access_level": found.access_level,
        "metadata": {name: value for name, value in details.items() if value is not None},
        "page_access_token_encrypted": found.encrypted_token,
        "login_flavour": found.flow,
        "followers_count": found.details.get("followers_count"),
        "status": DestinationStatus.BLOCKED if found.blocked else DestinationStatus.ACTIVE,
        "status_cause": found.blocked,
    }


def destination_names() -> tuple[str, ...]:
    """The columns that a reconnect overwrites as they are."""
    return (
        "user_id",
        "oauth_account_id",
        "page_id",
        "username",
        "access_level",
        "login_flavour",
        "followers_count",
        "status",
        "status_cause",
    )


def to_stored_destination(row: InstagramAccount) -> StoredDestination:
    details = {**row.details, "page_id": row.page_id, "followers_count": row.followers_count}
    return StoredDestination(
        id=row.id,
        user_id=row.user_id,
        account_id=row.oauth_account_id,
        external_id=row.ig_business_id,
        name=details.pop("name", None) or row.username,
        handle=row.username,
        avatar_url=details.pop("avatar_url", None),
        account_type=details.pop("account_type", None),
        access_level=row.access_level,
        details={name: value for name, value in details.items() if value is not None},
        status=row.status,
        status_cause=row.status_cause,
        is_selected=row.selected,
        encrypted_token=row.page_access_token_encrypted,
        token_version=row.token_version,
        token_refused_at=row.token_refused_at,
        token_fetched_at=row.token_fetched_at,
        subscribed_at=row.subscribed_at,
        subscription_checked_at=row.subscription_checked_at,
        subscription_error=row.subscription_error,
        disconnected_at=row.disconnected_at,
    )
