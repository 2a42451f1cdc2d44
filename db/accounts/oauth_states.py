"""OAuth states: each can be used once, within ten minutes, by one user and for one platform."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, delete, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn, one_of
from db.providers import PROVIDERS

STATE_LIFETIME = timedelta(minutes=10)
MAX_STATES_PER_USER = 20
"""Started authorizations of one user; a further one ends the oldest."""


class OAuthState(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "oauth_states"

    state: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(50))
    redirect_after: Mapped[str | None] = mapped_column(
        comment="local path to continue at; never another host"
    )
    verifier: Mapped[str | None] = mapped_column(
        comment="PKCE code verifier; NULL: the app does not use PKCE"
    )
    expires_at: Mapped[datetime] = mapped_column(
        server_default=text("now() + interval '10 minutes'")
    )

    __table_args__ = (
        Index("idx_oauth_states_expires", "expires_at"),
        Index("idx_oauth_states_user", "user_id", "provider"),
        one_of("provider", PROVIDERS),
        {"comment": "States of started OAuth authorizations; deleted when used"},
    )


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
        self._session.flush()
        own = select(OAuthState.id).where(OAuthState.user_id == user_id)
        newest = own.order_by(OAuthState.id.desc()).limit(MAX_STATES_PER_USER)
        self._session.execute(
            delete(OAuthState).where(OAuthState.user_id == user_id, OAuthState.id.not_in(newest)),
            execution_options={"synchronize_session": False},
        )

    def consume(self, state: str, *, user_id: int, provider: str) -> OAuthState | None:
        """Delete the state and return it; None if it is unknown, expired or already used."""
        statement = delete(OAuthState).where(
            OAuthState.state == state,
            OAuthState.user_id == user_id,
            OAuthState.provider == provider,
            OAuthState.expires_at > func.now(),
        )
        return self._session.scalar(statement.returning(OAuthState))
