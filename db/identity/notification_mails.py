"""Which notifications are due to be sent by e-mail, and up to which one they have been sent.

Nothing is written where notifications are added: a user who wants mails has a cursor, and what is
newer is found through it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.identity.notifications import Notification
from db.identity.users import User
from db.session import database_now

SETTLING_TIME = timedelta(seconds=30)
"""How old a notification must be. Ids are given before the commit: the cursor must not pass one
whose transaction is still open, and a transaction of ours is shorter."""

MAIL_INTERVAL = timedelta(seconds=50)  # between two mails to one user: one in each round
MAX_MAIL_AGE = timedelta(days=1)  # of a notification; older ones are passed over
MAX_MAIL_LENGTH = 50  # notifications in one mail
MOST_READ = 200  # notifications of one user in one round, also of kinds that are not sent
NO_SESSION_SYNC = {"synchronize_session": False}


@dataclass(frozen=True)
class DueMail:
    """One mail to one user. `after`: the cursor as it was read; `up_to`: as it will be."""

    user_id: int
    email: str
    locale: str | None
    notifications: Sequence[Notification]
    after: int
    up_to: int


class NotificationMails:
    def __init__(self, session: Session) -> None:
        self._session = session

    def choose_kinds(self, user_id: int, kinds: Sequence[str]) -> None:
        """Store which kinds are sent. With the first ones, all earlier notifications are passed."""
        newest = select(func.coalesce(func.max(Notification.id), 0)).where(
            Notification.user_id == user_id
        )
        user = self._session.get(User, user_id, with_for_update={"key_share": True})
        if user is None:
            return
        if not user.mailed_notifications:
            user.mailed_up_to = self._session.scalar(newest) or 0
        user.mailed_notifications = list(kinds)

    def has_due(self) -> bool:
        """Whether a claim would find somebody."""
        query = select(User.id).where(*due_conditions()).limit(1)
        return self._session.scalar(query) is not None

    def claim(self, lease: timedelta, *, limit: int) -> list[DueMail]:
        """Lease users with new notifications, and return their mails.

        Users whose new notifications are of no kind that is sent get none, and their cursor moves.
        """
        some = (
            select(User.id)
            .where(*due_conditions())
            .order_by(User.mail_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
            .cte("some")
        )
        leased = update(User).where(User.id == some.c.id).values(mail_due_at=func.now() + lease)
        fields = (User.id, User.email, User.locale, User.mailed_notifications, User.mailed_up_to)
        rows = self._session.execute(
            leased.returning(*fields), execution_options=NO_SESSION_SYNC
        ).all()
        mails = []
        for user_id, email, locale, kinds, after in rows:
            chosen, up_to = self._read_new(user_id, after, kinds)
            mail = DueMail(user_id, email, locale, chosen, after, up_to)
            if chosen:
                mails.append(mail)
            elif up_to > after:
                self.record_handled(mail)
            else:
                self.postpone([user_id], SETTLING_TIME)
        return mails

    def _read_new(
        self, user_id: int, after: int, kinds: Collection[str]
    ) -> tuple[list[Notification], int]:
        """Return what is to be sent, and the cursor behind it."""
        query = select(Notification).where(
            Notification.user_id == user_id,
            Notification.id > after,
            Notification.read_at.is_(None),
        )
        rows = self._session.scalars(query.order_by(Notification.id).limit(MOST_READ)).all()
        return choose_mailed(rows, kinds, after, now=database_now(self._session))

    def record_handled(self, mail: DueMail) -> None:
        """Move the cursor behind the mail, unless somebody else has."""
        pause = MAIL_INTERVAL if mail.notifications else timedelta(0)
        statement = update(User).where(User.id == mail.user_id, User.mailed_up_to == mail.after)
        self._session.execute(
            statement.values(mailed_up_to=mail.up_to, mail_due_at=func.now() + pause),
            execution_options=NO_SESSION_SYNC,
        )

    def postpone(self, user_ids: Sequence[int], delay: timedelta) -> None:
        """Try again later."""
        self._session.execute(
            update(User).where(User.id.in_(user_ids)).values(mail_due_at=func.now() + delay),
            execution_options=NO_SESSION_SYNC,
        )


def due_conditions() -> tuple[Any, ...]:
    """Conditions for users of whom something new may have to be sent.

    Users of host applications have no address of their own, and no password.
    """
    new = select(Notification.id).where(
        Notification.user_id == User.id,
        Notification.id > User.mailed_up_to,
        Notification.read_at.is_(None),
        Notification.created_at <= func.now() - SETTLING_TIME,
    )
    return (
        text("users.mailed_notifications <> '{}'::text[]"),  # as the index has it
        User.mail_due_at <= func.now(),
        User.disabled_at.is_(None),
        User.password_hash.is_not(None),
        new.exists(),
    )


def choose_mailed(
    rows: Sequence[Notification], kinds: Collection[str], after: int, *, now: datetime
) -> tuple[list[Notification], int]:
    """Return what is to be sent of these, in the order of their ids, and the last one looked at."""
    chosen: list[Notification] = []
    for row in rows:
        if row.created_at > now - SETTLING_TIME or len(chosen) == MAX_MAIL_LENGTH:
            break
        after = row.id
        if row.kind in kinds and row.created_at > now - MAX_MAIL_AGE:
            chosen.append(row)
    return chosen, after
