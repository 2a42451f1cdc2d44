"""Immediate retries of a call to a platform. Longer waits are a row's due time, not a sleep.

Whether a call may be repeated depends on the endpoint and not on the HTTP method: TikTok uses POST
for queries too.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from platforms.errors import PlatformError
from platforms.http.response import HttpResponse

MAX_RETRY_WAIT = 2.0  # seconds; if the platform asks for a longer wait, the response is returned
JITTER_FRACTION = 0.3
RETRY_TIME_LIMIT = 15.0  # seconds; no attempt begins later, so that a call ends within its lease
RETRYABLE_STATUSES = frozenset({429, 500, 502, 503, 504})

CallOutcome = HttpResponse | PlatformError


@dataclass(frozen=True)
class HttpRetryPolicy:
    """Which calls are repeated, how often, and after which waits.

    `retry_ambiguous`: also repeat a call that may have arrived. `statuses`: responses after which
    the call is repeated.
    """

    max_attempts: int
    first_wait: float = 0.0  # seconds before the second attempt, doubled for each further one
    retry_ambiguous: bool = False
    statuses: frozenset[int] = frozenset()

    def should_retry(self, outcome: CallOutcome) -> bool:
        if isinstance(outcome, PlatformError):
            return self.retry_ambiguous or not outcome.may_have_arrived
        return outcome.status in self.statuses and requested_wait(outcome) <= MAX_RETRY_WAIT


NO_RETRY = HttpRetryPolicy(max_attempts=1)
SAFE_RETRY = HttpRetryPolicy(
    max_attempts=3, first_wait=0.2, retry_ambiguous=True, statuses=RETRYABLE_STATUSES | {408}
)
# authorization codes can be used once and refresh tokens rotate: never repeat an ambiguous call
TOKEN_RETRY = HttpRetryPolicy(max_attempts=3, first_wait=0.1, statuses=RETRYABLE_STATUSES)


def call_with_retries(
    policy: HttpRetryPolicy,
    attempt: Callable[[], CallOutcome],
    *,
    sleep: Callable[[float], None],
    jitter: Callable[[], float],
) -> CallOutcome:
    """Return the first outcome that needs no further attempt, or else the last one."""
    started_at = time.monotonic()
    for attempt_number in itertools.count(1):
        outcome = attempt()
        is_last = (
            attempt_number >= policy.max_attempts
            or time.monotonic() - started_at >= RETRY_TIME_LIMIT
        )
        if is_last or not policy.should_retry(outcome):
            break
        sleep(next_wait(policy, attempt_number, outcome, jitter()))
    return outcome


def next_wait(
    policy: HttpRetryPolicy, attempt_number: int, outcome: CallOutcome, jitter: float
) -> float:
    """Return the seconds to wait after this attempt, at least what the platform asked for."""
    base = min(policy.first_wait * 2.0 ** (attempt_number - 1), MAX_RETRY_WAIT)
    return max(base * (1 + JITTER_FRACTION * jitter), requested_wait(outcome))


def requested_wait(outcome: CallOutcome) -> float:
    """Return the seconds of the response's Retry-After; 0 if there is none."""
    return outcome.retry_after.total_seconds() if isinstance(outcome, HttpResponse) else 0.0
