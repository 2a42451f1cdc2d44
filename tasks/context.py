"""What a task needs around it: our memory and the world, built once per process."""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from core.config.settings import load
from core.engine.kinds import Report, Work
from core.engine.work import run
from core.wiring import World, build_database, build_world
from db.due import Row
from db.session import Database
from tasks.bell import ring

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class House:
    database: Database
    world: World


@cache
def house() -> House:
    """Connects to nothing yet: a pool opens its first connection when it is first asked."""
    settings = load()
    return House(
        database=build_database(settings, role=settings.role),
        world=build_world(settings, ring=ring),
    )


def do(work: Work[Row, Job, Outcome]) -> Report:
    """What is due of one kind, with this process's house around it."""
    return run(work, house().database, house().world)


def forget(*, close: bool) -> None:
    """Build anew at the next use. After a fork `close` is False: the parent still talks there."""
    if house.cache_info().currsize:
        house().database.dispose(close=close)
        house.cache_clear()
