"""The table `data_deletion_requests`: requests to erase a person's data, and their progress."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PROVIDERS, Base, IdColumn, TimestampColumns, one_of


class DataDeletion(IdColumn, TimestampColumns, Base):
    __tablename__ = "data_deletion_requests"

    code: Mapped[str] = mapped_column(
        unique=True, comment="code with which a person can query the status of the request"
    )
    provider: Mapped[str] = mapped_column(String(50))
    platform_user_id: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="received")
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("provider", PROVIDERS),
        one_of("state", ("received", "done")),
        {"comment": "Requests to erase a person's data"},
    )
