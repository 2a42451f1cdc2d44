"""OAuth states: single-use, bound to a user and a platform, ten minutes."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PROVIDERS, Base, Created, Identified, one_of


class OAuthState(Identified, Created, Base):
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
