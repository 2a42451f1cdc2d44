"""A small kind of due work to try the engine on: rows of its own, effects that can be counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import ForeignKey, MetaData, create_engine, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.backoff import Policy, seconds
from core.kinds import Work
from core.outcomes import Again
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


class Sight:
    """Looks at the tables from outside, each look a transaction of its own."""

    def __init__(self, url):
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT")
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
        counted = select(Effect.chore_id, func.count()).group_by(Effect.chore_id)
        with self.engine.connect() as connection:
            return {row.chore_id: row.count for row in connection.execute(counted)}

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
