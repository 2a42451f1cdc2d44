"""How often a call may be made again. Seconds only: longer waits are a row's due time.

Whether repeating is safe is a property of the call, not of the verb: TikTok asks with POST, too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from platforms.errors import PlatformError
from platforms.http.reply import Reply

LONGEST_NAP = 2.0  # seconds; told to wait longer, we hand the answer back instead
JITTER = 0.3
GIVE_UP_AFTER = 15.0  # seconds; no further try begins, so that a call ends within its lease
BUSY = frozenset({429, 500, 502, 503, 504})

Outcome = Reply | PlatformError


@dataclass(frozen=True)
class Repeat:
    """`unsure`: again even if the last try may have arrived. `statuses`: answers inviting a try."""

    tries: int
    first: float = 0.0  # seconds before the second try, doubled for each further one
    unsure: bool = False
    statuses: frozenset[int] = frozenset()

    def wants(self, outcome: Outcome) -> bool:
        if isinstance(outcome, PlatformError):
            return self.unsure or not outcome.reached
        return outcome.status in self.statuses and floor(outcome) <= LONGEST_NAP


ONCE = Repeat(tries=1)
SAFE = Repeat(tries=3, first=0.2, unsure=True, statuses=BUSY | {408})
TOKEN = Repeat(tries=3, first=0.1, statuses=BUSY)  # codes are single-use, refresh tokens rotate


def repeated(
    repeat: Repeat,
    attempt: Callable[[], Outcome],
    *,
    sleep: Callable[[float], None],
    dice: Callable[[], float],
) -> Outcome:
    """The first outcome that needs no further try, or else the last one."""
    began, first = time.monotonic(), [attempt()]
    if repeat.tries == 1 or not repeat.wants(first[0]):
        return first[0]

    def spent(state: tenacity.RetryCallState) -> bool:
        late = time.monotonic() - began >= GIVE_UP_AFTER
        return late or state.attempt_number >= repeat.tries

    def nap(state: tenacity.RetryCallState) -> float:
        base = min(repeat.first * 2.0 ** (state.attempt_number - 1), LONGEST_NAP)
        return max(base * (1 + JITTER * dice()), floor(result(state)))

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(repeat.wants),
        stop=spent,
        wait=nap,
        sleep=sleep,
        retry_error_callback=result,
    )
    return retrying(lambda: first.pop() if first else attempt())


def result(state: tenacity.RetryCallState) -> Outcome | None:
    return state.outcome.result() if state.outcome else None


def floor(outcome: Outcome | None) -> float:
    """Seconds the platform asked us to wait at least."""
    return outcome.retry_after.total_seconds() if isinstance(outcome, Reply) else 0.0
