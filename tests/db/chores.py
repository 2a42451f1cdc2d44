"""A small kind of due work to try the engine on: rows of its own, effects that can be counted."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import ForeignKey, MetaData, create_engine, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.backoff import Policy, seconds
from core.engine.kinds import Work
from core.outcomes import Again
from db.attempts import Attempt
from db.base import Base, Identified
from db.due import Due, Queue


class Own(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = Base.type_annotation_map


class Chore(Due, Own):
    __tablename__ = "chores"

    cost: Mapped[int] = mapped_column(server_default="0")
    note: Mapped[str | None]


class Effect(Identified, Own):
    """What a record leaves behind. Nothing here stops a second one: the engine has to."""

    __tablename__ = "effects"

    chore_id: Mapped[int] = mapped_column(ForeignKey("chores.id"))
    attempt: Mapped[int]


class Performance(Identified, Own):
    """The outside world's own book: written at once, whatever becomes of the worker."""

    __tablename__ = "performances"

    chore_id: Mapped[int]
    by: Mapped[int]


@dataclass(frozen=True)
class Job:
    id: int
    attempt: int
    cost: int


@dataclass(frozen=True)
class World:
    """All the engine asks of the world: a bell, and dice."""

    ring: Callable[[str], None] = lambda _kind: None
    dice: Callable[[], float] = lambda: 0.5
    performed: list[Job] = field(default_factory=list)


def brief(_session, row):
    return Job(row.id, row.attempts, row.cost)


def perform(job, world):
    world.performed.append(job)
    time.sleep(job.cost / 1000)  # the outside world takes its time: that is what is being tried
    return job


def record(session, row, outcome):
    session.add(Effect(chore_id=row.id, attempt=outcome.attempt))
    return Again(None)


def give_up(_session, row, failure):
    row.note = f"gave up: {failure.code}"


WORK = Work(
    kind="chores",
    bell="chores",
    queue=Queue(Chore),
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    policy=Policy(seconds(*[0] * 30)),
    lease=timedelta(seconds=30),
    batch=8,
    pool=4,
)


def chores(**changes):
    """The same work, otherwise here and there."""
    return replace(WORK, **changes)


def raising(error):
    """An outside world that always answers like this."""

    def outside(_job, _world):
        raise error

    return outside


class Sight:
    """Looks at the tables from outside, each look a transaction of its own."""

    def __init__(self, url):
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def prepare(self):
        Own.metadata.create_all(self.engine)

    def put(self, count=1, **values):
        """So many chores, due since a second, oldest first; their ids."""
        with self.engine.connect() as connection:
            rows = [
                {"due_at": func.now() - timedelta(milliseconds=1000 + count - n), **values}
                for n in range(count)
            ]
            made = insert(Chore).values(rows).returning(Chore.id)
            return sorted(connection.scalars(made))

    def set(self, *ids, **values):
        with self.engine.connect() as connection:
            connection.execute(update(Chore).where(Chore.id.in_(ids)).values(**values))

    def lapse(self, *ids):
        """As if the lease of these had been granted long ago."""
        self.set(*ids, leased_until=func.now() - timedelta(seconds=1))

    def chore(self, id_):
        with self.engine.connect() as connection:
            return connection.execute(select(Chore.__table__).where(Chore.id == id_)).one()

    def effects(self):
        """Chore id to how often it was recorded."""
        return self._times(Effect)

    def performances(self):
        """Chore id to how often the outside world was asked for it."""
        return self._times(Performance)

    def _times(self, table):
        counted = select(table.chore_id, func.count().label("times")).group_by(table.chore_id)
        with self.engine.connect() as connection:
            return {row.chore_id: row.times for row in connection.execute(counted)}

    def perform(self, job):
        with self.engine.connect() as connection:
            connection.execute(insert(Performance).values(chore_id=job.id, by=os.getpid()))

    def last_performances(self, since):
        """Those after that number: (number, process), the newest first."""
        found = select(Performance.id, Performance.by).where(Performance.id > since)
        with self.engine.connect() as connection:
            return connection.execute(found.order_by(Performance.id.desc())).all()

    def tries(self, id_):
        """How often it was claimed, by the ledger."""
        mine = Attempt.row_id == id_
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Attempt).where(mine))

    def lost_tries(self):
        """Those that nobody came back from."""
        lost = Attempt.ended_at.is_(None)
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Attempt).where(lost))

    def open(self):
        """How many chores are not done."""
        left = select(func.count()).select_from(Chore).where(Chore.due_at.is_not(None))
        with self.engine.connect() as connection:
            return connection.scalar(left)

    def now(self):
        with self.engine.connect() as connection:
            return connection.scalar(select(func.clock_timestamp()))

    def close(self):
        self.engine.dispose()
