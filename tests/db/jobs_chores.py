"""Chores: a job type of the tests' own, with a table of its own and effects that can be counted."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import ForeignKey, MetaData, create_engine, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.backoff import RetryPolicy, seconds
from core.jobs.job_type import JobType
from core.outcomes import Reschedule
from db.base import Base, IdColumn
from db.leases import JobColumns, JobQueue
from db.ops.attempts import Attempt
from tests.servers import owner_url
from tests.support.job_types import with_changes


class ChoreBase(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = Base.type_annotation_map


class Chore(JobColumns, ChoreBase):
    __tablename__ = "chores"

    cost: Mapped[int] = mapped_column(server_default="0")
    note: Mapped[str | None]


class RecordedEffect(IdColumn, ChoreBase):
    """The effect of recording a chore. The table accepts a second one: job code must prevent it."""

    __tablename__ = "effects"

    chore_id: Mapped[int] = mapped_column(ForeignKey("chores.id"))
    attempt: Mapped[int]


class ChoreExecution(IdColumn, ChoreBase):
    """A call as the external service saw it: written at once, also if the worker dies later."""

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
    """What job code uses of the services: wake-ups and jitter."""

    wake: Callable[[str], None] = lambda _kind: None
    jitter: Callable[[], float] = lambda: 0.5
    executed: list[ChoreInput] = field(default_factory=list)


class ChoreJobType(JobType[Chore, ChoreInput, ChoreInput]):
    kind = "chores"
    queue = JobQueue(Chore)
    retry_policy = RetryPolicy(seconds(*[0] * 30))
    lease = timedelta(seconds=30)
    batch_size = 8
    pool_size = 4

    def prepare(self, _session, row):
        return ChoreInput(row.id, row.attempts, row.cost)

    def execute(self, chore, services):
        services.executed.append(chore)
        time.sleep(chore.cost / 1000)  # the duration of the call, in which tests interfere
        return chore

    def record(self, session, row, outcome):
        session.add(RecordedEffect(chore_id=row.id, attempt=outcome.attempt))
        return Reschedule(None)

    def on_exhausted(self, _session, row, failure):
        row.note = f"gave up: {failure.code}"


CHORE_JOB_TYPE = ChoreJobType()


def chore_job(**changes):
    """The job type of chores with other settings, or other functions for its methods."""
    return with_changes(CHORE_JOB_TYPE, **changes)


def executor_raising(error):
    """An `execute` that always fails like this."""

    def execute(_job, _services):
        raise error

    return execute


class ChoreTables:
    """Reads and writes the tables from outside, each time in a transaction of its own."""

    def __init__(self, url):
        self.engine = create_engine(
            owner_url(url), isolation_level="AUTOCOMMIT", pool_pre_ping=True
        )

    def create_tables(self):
        ChoreBase.metadata.create_all(self.engine)

    def insert_chores(self, count=1, **values):
        """Insert chores that have been due for a second, oldest first; return their ids."""
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
        """Move the end of their leases into the past."""
        self.update_chores(*ids, leased_until=func.now() - timedelta(seconds=1))

    def load_chore(self, id_):
        with self.engine.connect() as connection:
            return connection.execute(select(Chore.__table__).where(Chore.id == id_)).one()

    def effect_counts(self):
        """How often each chore was recorded, by its id."""
        return self._count_by_chore(RecordedEffect)

    def execution_counts(self):
        """How often each chore was executed, by its id."""
        return self._count_by_chore(ChoreExecution)

    def _count_by_chore(self, table):
        statement = select(table.chore_id, func.count().label("times")).group_by(table.chore_id)
        with self.engine.connect() as connection:
            return {row.chore_id: row.times for row in connection.execute(statement)}

    def insert_execution(self, job):
        with self.engine.connect() as connection:
            connection.execute(insert(ChoreExecution).values(chore_id=job.id, by=os.getpid()))

    def latest_executions(self, since):
        """The executions after that number, newest first: (number, process id)."""
        statement = select(ChoreExecution.id, ChoreExecution.by).where(ChoreExecution.id > since)
        with self.engine.connect() as connection:
            return connection.execute(statement.order_by(ChoreExecution.id.desc())).all()

    def count_attempts(self, id_):
        """How often the chore was claimed, by the attempt log."""
        is_of_chore = Attempt.row_id == id_
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Attempt).where(is_of_chore))

    def count_lost_attempts(self):
        """How many attempts have no result."""
        is_lost = Attempt.ended_at.is_(None)
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Attempt).where(is_lost))

    def count_open(self):
        """How many chores are not done."""
        statement = select(func.count()).select_from(Chore).where(Chore.due_at.is_not(None))
        with self.engine.connect() as connection:
            return connection.scalar(statement)

    def database_now(self):
        with self.engine.connect() as connection:
            return connection.scalar(select(func.clock_timestamp()))

    def close(self):
        self.engine.dispose()
