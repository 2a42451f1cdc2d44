"""How many files are inspected at a time, in all and of one user."""

from collections import Counter
from threading import Condition


class InspectionSlots:
    """A semaphore that leaves slots for other users. Threads share it."""

    def __init__(self, total: int, per_user: int) -> None:
        self._total = total
        self._per_user = per_user
        self._used = 0
        self._used_by_user: Counter[int] = Counter()
        self._changed = Condition()

    def acquire(self, user_id: int | None, *, timeout: float) -> bool:
        """Return whether there was a slot in time. None stands for nobody, who has no limit.

        Units: `timeout` in seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._can_take(user_id), timeout):
                return False
            self._used += 1
            if user_id is not None:
                self._used_by_user[user_id] += 1
            return True

    def release(self, user_id: int | None) -> None:
        with self._changed:
            self._used -= 1
            if user_id is not None:
                self._used_by_user[user_id] -= 1
                if not self._used_by_user[user_id]:
                    del self._used_by_user[user_id]
            self._changed.notify_all()

    def is_full_for(self, user_id: int | None) -> bool:
        """Whether the user has all slots that one user may have."""
        return user_id is not None and self._used_by_user[user_id] >= self._per_user

    def _can_take(self, user_id: int | None) -> bool:
        return self._used < self._total and not self.is_full_for(user_id)
