"""Accounts whose numbers are sampled: rows due when the next numbers of theirs are.

Must not know which numbers there are, nor how often they are asked for.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    and_,
    any_,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.accounts import Account, AccountStatus
from db.base import Base, Timed
from db.due import Due, Queue
from db.records import TikTokPost
from db.storage import CHANGED

LOOSE = {"synchronize_session": False}
"""Nobody in these sessions looks at the rows again."""


class Watch(Due, Timed, Base):
    __tablename__ = "watches"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE"), unique=True
    )
    totals_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="numbers of the account as a whole"
    )
    list_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="a look for new videos"
    )
    list_cursor: Mapped[int | None] = mapped_column(
        comment="where older videos begin, in the platform's own unit; NULL: with the newest"
    )
    is_whole: Mapped[bool] = mapped_column(
        server_default="false", comment="the list was read to its end once"
    )
    listed_at: Mapped[datetime | None] = mapped_column(comment="last look at the newest videos")
    problem: Mapped[str | None] = mapped_column(comment="what is refused, and the platform's code")

    __table_args__ = (
        Index("idx_watches_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {
            "comment": "Accounts whose numbers are sampled, and what is due of them",
            "postgresql_with": CHANGED,
        },
    )


WATCHES = Queue(Watch)


def may(scopes: Mapping[str, str]) -> ColumnElement[bool]:
    """Whether an account is alive and was granted its platform's scope: provider → scope."""
    granted: Any = func.string_to_array(func.replace(Account.scope, " ", ""), ",")
    allowed = [
        and_(Account.provider == provider, any_(granted) == scope)
        for provider, scope in scopes.items()
    ]
    return and_(Account.status == AccountStatus.ACTIVE, or_(false(), *allowed))


PUBLISHED = (
    TikTokPost.status == "PUBLISH_COMPLETE",
    TikTokPost.created_at > func.now() - timedelta(days=7),
)


class Watches:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, account_id: int) -> Watch | None:
        return self._session.scalar(select(Watch).where(Watch.oauth_account_id == account_id))

    def open(self, scopes: Mapping[str, str]) -> int:
        """Every account that may be watched and is not, or no longer is: how many."""
        known = exists().where(Watch.oauth_account_id == Account.id)
        new = select(Account.id, func.now()).where(may(scopes), ~known)
        added = insert(Watch).from_select(["oauth_account_id", "due_at"], new).returning(Watch.id)
        parked = (Watch.due_at.is_(None), Watch.leased_until.is_(None))
        mine = select(Watch.id).join(Account, Account.id == Watch.oauth_account_id)
        idle = mine.where(*parked, may(scopes)).with_for_update(of=Watch, skip_locked=True)
        again = (
            update(Watch)
            .where(Watch.id.in_(idle.scalar_subquery()))
            .values(due_at=func.now(), problem=None, attempts=0)
            .returning(Watch.id)
        )
        return sum(len(self._session.execute(each).all()) for each in (added, again))

    def hasten(self, *conditions: ColumnElement[bool]) -> None:
        """A look for new videos is due now, where sampling goes on; nobody is waited for."""
        mine = select(Watch.id).where(Watch.due_at.is_not(None), *conditions)
        free = mine.with_for_update(skip_locked=True).cte("free")
        soon = {"list_due_at": func.now(), "due_at": func.least(Watch.due_at, func.now())}
        changed = update(Watch).where(Watch.id == free.c.id, Watch.list_due_at > func.now())
        self._session.execute(changed.values(soon), execution_options=LOOSE)

    def hasten_of(self, account_id: int) -> None:
        self.hasten(Watch.oauth_account_id == account_id)

    def hasten_published(self) -> None:
        """Those of which something was published after the last look."""
        later = TikTokPost.completed_at > func.coalesce(Watch.listed_at, Watch.created_at)
        mine = TikTokPost.oauth_account_id == Watch.oauth_account_id
        self.hasten(exists().where(mine, later, *PUBLISHED))

    def last_publication(self, account_id: int) -> datetime | None:
        """The last one of ours that is out, of those of a week."""
        mine = TikTokPost.oauth_account_id == account_id
        found = select(func.max(TikTokPost.completed_at)).where(mine, *PUBLISHED)
        return self._session.scalar(found)
