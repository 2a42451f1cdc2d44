"""Every secret sealed anew with the current key, online, a batch at a time.

A value that changes meanwhile is left to whoever changed it: they sealed with the current key.
What does not open is counted and left as it is. Shows no value.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from core.crypto import KeyRing
from core.errors import CannotOpen
from core.wiring import World
from db.sealed import COLUMNS, Column, Sealed, Value
from db.session import Database, Session

BATCH = 200


@dataclass
class Counts:
    """`keys`: values per key id as found at the start."""

    keys: Counter[str] = field(default_factory=Counter)
    resealed: int = 0
    overtaken: int = 0
    unreadable: int = 0

    @property
    def done(self) -> int:
        return self.resealed + self.overtaken + self.unreadable

    def left(self, current: str) -> int:
        """Values of other keys, those that do not open included."""
        return sum(self.keys.values()) - self.keys[current] - self.resealed - self.overtaken


Report = Callable[[str, Counts], None]


def rotate(database: Database, world: World, *, dry_run: bool, report: Report) -> Counts:
    """`report` is told the column and the counts so far after every batch."""
    counts = Counts()
    for column in COLUMNS:
        with database.transaction() as session:
            counts.keys.update(Sealed(session).keys(column))
        report(column.name, counts)
    if not dry_run:
        for column in COLUMNS:
            rotate_column(database, world.keys, column, counts, report)
    return counts


def rotate_column(
    database: Database, keys: KeyRing, column: Column, counts: Counts, report: Report
) -> None:
    after = 0
    while True:
        with database.transaction() as session:
            batch = Sealed(session).batch(column, key=keys.current, after=after, limit=BATCH)
            for value in batch:
                reseal(session, keys, column, value, counts)
        if not batch:
            return
        after = batch[-1].row_id
        report(column.name, counts)


def reseal(session: Session, keys: KeyRing, column: Column, value: Value, counts: Counts) -> None:
    try:
        resealed = keys.seal(keys.open(value.sealed, value.context), value.context)
    except CannotOpen:
        counts.unreadable += 1
        return
    replaced = Sealed(session).replace(column, value, resealed)
    counts.resealed += replaced
    counts.overtaken += not replaced
