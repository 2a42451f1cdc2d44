"""A small kind of due work to try the engine on: rows of its own, effects that can be counted."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import ForeignKey, MetaData, create_engine, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.backoff import RetryPolicy, seconds
from core.jobs.job_type import JobType
from core.outcomes import Reschedule
from db.base import Base, IdColumn
from db.leases import JobColumns, JobQueue
from db.ops.attempts import Attempt


class ChoreBase(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = Base.type_annotation_map


class Chore(JobColumns, ChoreBase):
    __tablename__ = "chores"

    cost: Mapped[int] = mapped_column(server_default="0")
    note: Mapped[str | None]


class RecordedEffect(IdColumn, ChoreBase):
    """What a record leaves behind. Nothing here stops a second one: the engine has to."""

    __tablename__ = "effects"

    chore_id: Mapped[int] = mapped_column(ForeignKey("chores.id"))
    attempt: Mapped[int]


class ChoreExecution(IdColumn, ChoreBase):
    """The outside world's own book: written at once, whatever becomes of the worker."""

    __tablename__ = "performances"

    chore_id: Mapped[int]
    by: Mapped[int]


@dataclass(frozen=True)
class ChoreInput:
    id: int
    attempt: int
    cost: int


@dataclass(frozen=True)
class FakeServices:
    """All the engine asks of the world: a bell, and dice."""

    wake: Callable[[str], None] = lambda _kind: None
    jitter: Callable[[], float] = lambda: 0.5
    executed: list[ChoreInput] = field(default_factory=list)


def prepare(_session, row):
    return ChoreInput(row.id, row.attempts, row.cost)


def execute(chore, services):
    services.executed.append(chore)
    time.sleep(chore.cost / 1000)  # the outside world takes its time: that is what is being tried
    return chore


def record_chore(session, row, outcome):
    session.add(RecordedEffect(chore_id=row.id, attempt=outcome.attempt))
    return Reschedule(None)


def on_exhausted(_session, row, failure):
    row.note = f"gave up: {failure.code}"


CHORE_JOB = JobType(
    kind="chores",
    wake_kind="chores",
    queue=JobQueue(Chore),
    prepare=prepare,
    execute=execute,
    record=record_chore,
    on_exhausted=on_exhausted,
    policy=RetryPolicy(seconds(*[0] * 30)),
    lease=timedelta(seconds=30),
    batch_size=8,
    pool_size=4,
)


def chore_job(**changes):
    """The same work, otherwise here and there."""
    return replace(CHORE_JOB, **changes)


def executor_raising(error):
    """An outside world that always answers like this."""

    def outside(_job, _world):
        raise error

    return outside


class ChoreTables:
    """Looks at the tables from outside, each look a transaction of its own."""

    def __init__(self, url):
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def create_tables(self):
        ChoreBase.metadata.create_all(self.engine)

    def insert_chores(self, count=1, **values):
        """So many chores, due since a second, oldest first; their ids."""
        with self.engine.connect() as connection:
            rows = [
                {"due_at": func.now() - timedelta(milliseconds=1000 + count - n), **values}
                for n in range(count)
            ]
            statement = insert(Chore).values(rows).returning(Chore.id)
            return sorted(connection.scalars(statement))

    def update_chores(self, *ids, **values):
        with self.engine.connect() as connection:
            connection.execute(update(Chore).where(Chore.id.in_(ids)).values(**values))

    def expire_leases(self, *ids):
        """As if the lease of these had been granted long ago."""
        self.update_chores(*ids, leased_until=func.now() - timedelta(seconds=1))

    def load_chore(self, id_):
        with self.engine.connect() as connection:
            return connection.execute(select(Chore.__table__).where(Chore.id == id_)).one()

    def effect_counts(self):
        """Chore id to how often it was recorded."""
        return self._count_by_chore(RecordedEffect)

    def execution_counts(self):
        """Chore id to how often the outside world was asked for it."""
        return self._count_by_chore(ChoreExecution)

    def _count_by_chore(self, table):
        statement = select(table.chore_id, func.count().label("times")).group_by(table.chore_id)
        with self.engine.connect() as connection:
            return {row.chore_id: row.times for row in connection.execute(statement)}

    def insert_execution(self, job):
        with self.engine.connect() as connection:
            connection.execute(insert(ChoreExecution).values(chore_id=job.id, by=os.getpid()))

    def latest_executions(self, since):
        """Those after that number: (number, process), the newest first."""
        statement = select(ChoreExecution.id, ChoreExecution.by).where(ChoreExecution.id > since)
        with self.engine.connect() as connection:
            return connection.execute(statement.order_by(ChoreExecution.id.desc())).all()

    def count_attempts(self, id_):
        """How often it was claimed, by the ledger."""
        mine = Attempt.row_id == id_
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Attempt).where(mine))

    def count_lost_attempts(self):
        """Those that nobody came back from."""
        lost = Attempt.ended_at.is_(None)
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Attempt).where(lost))

    def count_open(self):
        """How many chores are not done."""
        left = select(func.count()).select_from(Chore).where(Chore.due_at.is_not(None))
        with self.engine.connect() as connection:
            return connection.scalar(left)

    def database_now(self):
        with self.engine.connect() as connection:
            return connection.scalar(select(func.clock_timestamp()))

    def close(self):
        self.engine.dispose()
