"""Finds the logins of one way of signing in, where a platform has several."""

from datetime import timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, AccountStatus
from db.accounts.grants import FLOW_KEY

MIN_LIFETIME = timedelta(hours=1)  # of a token that is taken into use again

stored_flow = Account.details[FLOW_KEY].as_string()


class ChangedLogins:
    """Rows that another transaction has locked are skipped; the next run finds them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_others(self, provider: str, flow: str, *, limit: int) -> list[Account]:
        """Lock active logins of another flow. Those that name no flow are of the only one."""
        query = select(Account).where(
            Account.provider == provider,
            Account.status == AccountStatus.ACTIVE,
            stored_flow != flow,
        )
        return self._lock(query, limit)

    def lock_resumable(self, provider: str, flow: str, *, cause: str, limit: int) -> list[Account]:
        """Lock logins of this flow that wait because of `cause`, with tokens that are valid."""
        is_valid = or_(Account.expires_at.is_(None), Account.expires_at > func.now() + MIN_LIFETIME)
        query = select(Account).where(
            Account.provider == provider,
            Account.status == AccountStatus.NEEDS_RECONNECT,
            Account.status_cause == cause,
            Account.access_token_encrypted.is_not(None),
            stored_flow == flow,
            is_valid,
        )
        return self._lock(query, limit)

    def list_waiting(self, provider: str, cause: str, *, limit: int) -> list[Account]:
        """List logins that wait because of `cause` and have a token."""
        query = select(Account).where(
            Account.provider == provider,
            Account.status == AccountStatus.NEEDS_RECONNECT,
            Account.status_cause == cause,
            Account.access_token_encrypted.is_not(None),
        )
        return list(self._session.scalars(query.order_by(Account.id).limit(limit)))

    def _lock(self, query: Select[Account], limit: int) -> list[Account]:
        locked = query.order_by(Account.id).limit(limit).with_for_update(skip_locked=True)
        return list(self._session.scalars(locked))
