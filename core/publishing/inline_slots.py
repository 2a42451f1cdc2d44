"""How many requests of this process may wait for their posts at the same time.

Each holds a thread for as long as `INLINE_BUDGET_SECONDS`, and pages, status calls and health
checks need threads too. Beyond the number a post is queued, and its request answered at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

MAX_WAITING_REQUESTS = 8  # a quarter of the web process's threads

_slots = BoundedSemaphore(MAX_WAITING_REQUESTS)


@contextmanager
def take_inline_slot(*, is_required: bool = False) -> Iterator[bool]:
    """Take a slot for the block, and say whether there was one.

    `is_required`: the caller cannot do without, so that it goes on without a slot of its own.
    """
    has_slot = _slots.acquire(blocking=False)
    try:
        yield has_slot or is_required
    finally:
        if has_slot:
            _slots.release()
