"""Signs of life in the database: was beat heard, and each worker, since they started?"""

import time
from collections.abc import Callable

from db.beats import Beats
from db.session import Database, StoreAway
from local.programs import node

SIGNS: dict[str, Callable[[], str]] = {
    "worker": lambda: f"alive:{node('worker')}",
    "uploads": lambda: f"alive:{node('uploads')}",
    "beat": lambda: "tick",  # sent by beat, heard by a worker
}


def heard(database: Database, name: str) -> Callable[[], bool]:
    """A condition that begins now: an older sign is another process's."""
    since = time.monotonic()

    def condition() -> bool:
        try:
            with database.transaction() as session:
                age = Beats(session).age(SIGNS[name]())
        except StoreAway:
            return False
        return age is not None and age.total_seconds() < time.monotonic() - since

    return condition
