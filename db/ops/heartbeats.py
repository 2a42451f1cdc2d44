"""The table `beats`: when each process and queue was last seen alive, by the database's clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import UPDATED_ROWS_STORAGE, Base

QUEUES_PREFIX = "queues:"  # the queues of a worker, with commas, and its name follow
RUN_PREFIX = "run:"  # a kind of work and the worker follow; the time is that of its beginning


class Heartbeat(Base):
    __tablename__ = "beats"

    name: Mapped[str] = mapped_column(
        primary_key=True,
        comment=(
            "tick, canary:<queue>, alive:<worker>, serving:<host> or unknown webhook path:<host>"
        ),
    )
    at: Mapped[datetime]

    __table_args__ = (
        {
            "comment": "Last heartbeat of the scheduler, of each queue and of each worker",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )


class Heartbeats:
    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, *names: str) -> None:
        """Record that these are alive now."""
        self._write(dict.fromkeys(names, timedelta(0)))

    def replace_runs(self, worker: str, ages: Mapping[str, timedelta]) -> None:
        """Record what a worker runs, by kind with the time since it began, and nothing else."""
        suffix = f":{worker}"
        earlier = delete(Heartbeat).where(
            Heartbeat.name.startswith(RUN_PREFIX, autoescape=True),
            Heartbeat.name.endswith(suffix, autoescape=True),
        )
        self._session.execute(earlier, execution_options={"synchronize_session": False})
        if ages:
            self._write({f"{RUN_PREFIX}{kind}{suffix}": age for kind, age in ages.items()})

    def _write(self, ages: Mapping[str, timedelta]) -> None:
        now = func.clock_timestamp()
        statement = insert(Heartbeat).values(
            [{"name": name, "at": now - age} for name, age in ages.items()]
        )
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["name"], set_={"at": statement.excluded.at}
            )
        )

    def list_all(self) -> Sequence[Heartbeat]:
        """Return all heartbeats: a few for each process, since old ones are deleted."""
        return self._session.scalars(select(Heartbeat)).all()

    def age(self, name: str) -> timedelta | None:
        """Return the time since the last heartbeat; None if there was none."""
        return self._session.scalar(
            select(func.clock_timestamp() - Heartbeat.at).where(Heartbeat.name == name)
        )

    def youngest_age(self, prefix: str) -> timedelta | None:
        """Return the time since the last heartbeat of any name with this prefix."""
        return self._session.scalar(
            select(func.clock_timestamp() - func.max(Heartbeat.at)).where(
                Heartbeat.name.startswith(prefix, autoescape=True)
            )
        )

    def delete_silent(self, older_than: timedelta) -> None:
        """Delete old heartbeats: a replaced worker does not come back under its name."""
        statement = delete(Heartbeat).where(Heartbeat.at < func.clock_timestamp() - older_than)
        self._session.execute(statement, execution_options={"synchronize_session": False})
