"""OAuth states: single-use, bound to a user and a platform, ten minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, String, case, delete, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import PROVIDERS, Base, CreatedAtColumn, IdColumn, one_of
from db.retention import prune_rows

STATE_LIFETIME = timedelta(minutes=10)


class OAuthState(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "oauth_states"

    state: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(50))
    redirect_after: Mapped[str | None] = mapped_column(comment="local path, never a host")
    verifier: Mapped[str | None] = mapped_column(comment="PKCE, for desktop apps")
    expires_at: Mapped[datetime] = mapped_column(
        server_default=text("now() + interval '10 minutes'")
    )

    __table_args__ = (
        Index("idx_oauth_states_expires", "expires_at"),
        Index("idx_oauth_states_user", "user_id", "provider"),
        one_of("provider", PROVIDERS),
        {"comment": "Started sign-ins at a platform; deleted when used"},
    )


@dataclass(frozen=True)
class OAuthStateCounts:
    total: int
    active: int
    by_provider: dict[str, int]

    @property
    def expired(self) -> int:
        return self.total - self.active


class OAuthStates:
    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self,
        state: str,
        *,
        user_id: int,
        provider: str,
        redirect_after: str | None = None,
        verifier: str | None = None,
        lifetime: timedelta = STATE_LIFETIME,
    ) -> None:
        self._session.add(
            OAuthState(
                state=state,
                user_id=user_id,
                provider=provider,
                redirect_after=redirect_after,
                verifier=verifier,
                expires_at=func.now() + lifetime,
            )
        )

    def consume(self, state: str, *, user_id: int, provider: str) -> OAuthState | None:
        """The state, gone with this very look: of two who bring it, one gets None."""
        conditions = self._conditions(state, user_id, provider)
        return self._session.scalar(delete(OAuthState).where(*conditions).returning(OAuthState))

    def is_open(self, state: str, *, user_id: int, provider: str) -> bool:
        """Whether it could still be consumed. Changes nothing."""
        query = select(OAuthState.id).where(*self._conditions(state, user_id, provider))
        return self._session.scalar(query) is not None

    def counts(self) -> OAuthStateCounts:
        active = func.count(case((OAuthState.expires_at > func.now(), 1)))
        query = select(OAuthState.provider, func.count(), active).group_by(OAuthState.provider)
        rows = self._session.execute(query).all()
        return OAuthStateCounts(
            total=sum(total for _, total, _ in rows),
            active=sum(active for _, _, active in rows),
            by_provider={provider: total for provider, total, _ in rows},
        )

    def delete(self, *, user_id: int | None = None, provider: str | None = None) -> int:
        """Forget a user's or a platform's, or those that are both; at least one is named."""
        filters = {"user_id": user_id, "provider": provider}
        conditions = [getattr(OAuthState, key) == value for key, value in filters.items() if value]
        if not conditions:
            raise ValueError("whose?")
        statement = delete(OAuthState).where(*conditions).returning(OAuthState.id)
        return len(self._session.execute(statement).all())

    def prune(self, older_than: timedelta) -> int:
        return prune_rows(self._session, OAuthState.expires_at, older_than=older_than).count

    @staticmethod
    def _conditions(state: str, user_id: int, provider: str) -> tuple[ColumnElement[bool], ...]:
        return (
            OAuthState.state == state,
            OAuthState.user_id == user_id,
            OAuthState.provider == provider,
            OAuthState.expires_at > func.now(),
        )
