"""People with a login. How they prove who they are is decided in core."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Timed, one_of


class User(Identified, Timed, Base):
    __tablename__ = "users"

    email: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(comment="argon2id; NULL: no password login")
    is_admin: Mapped[bool] = mapped_column(server_default="false")
    locale: Mapped[str] = mapped_column(server_default="en")
    jwt_issuer: Mapped[str | None]
    jwt_subject: Mapped[str | None]
    disabled_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_users_email", text("lower(email)"), unique=True),
        UniqueConstraint("jwt_issuer", "jwt_subject"),
        one_of("locale", ("en", "fr")),
        {"comment": "People with a login; every other row belongs to one of them"},
    )
