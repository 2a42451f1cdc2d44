"""Signs of life: rows that grow old when somebody has fallen silent. By the database's clock."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class Beat(Base):
    __tablename__ = "beats"

    name: Mapped[str] = mapped_column(primary_key=True, comment="tick, canary:…, alive:…")
    at: Mapped[datetime]

    __table_args__ = ({"comment": "When each of our parts was last heard of"},)
