"""How often a call may be made again. Seconds only: longer waits are a row's due time.

Whether repeating is safe is a property of the call, not of the verb: TikTok asks with POST, too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from platforms.errors import PlatformError
from platforms.http.response import HttpResponse

MAX_RETRY_WAIT = 2.0  # seconds; told to wait longer, we hand the answer back instead
JITTER_FRACTION = 0.3
RETRY_TIME_LIMIT = 15.0  # seconds; no further try begins, so that a call ends within its lease
RETRYABLE_STATUSES = frozenset({429, 500, 502, 503, 504})

CallOutcome = HttpResponse | PlatformError


@dataclass(frozen=True)
class HttpRetryPolicy:
    """`unsure`: again even if the last try may have arrived. `statuses`: answers inviting a try."""

    max_attempts: int
    first_wait: float = 0.0  # seconds before the second try, doubled for each further one
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
TOKEN_RETRY = HttpRetryPolicy(
    max_attempts=3, first_wait=0.1, statuses=RETRYABLE_STATUSES
)  # codes are single-use, refresh tokens rotate


def call_with_retries(
    policy: HttpRetryPolicy,
    attempt: Callable[[], CallOutcome],
    *,
    sleep: Callable[[float], None],
    jitter: Callable[[], float],
) -> CallOutcome:
    """The first outcome that needs no further try, or else the last one."""
    started_at, first_outcome = time.monotonic(), [attempt()]
    if policy.max_attempts == 1 or not policy.should_retry(first_outcome[0]):
        return first_outcome[0]

    def is_exhausted(state: tenacity.RetryCallState) -> bool:
        late = time.monotonic() - started_at >= RETRY_TIME_LIMIT
        return late or state.attempt_number >= policy.max_attempts

    def next_wait(state: tenacity.RetryCallState) -> float:
        base = min(policy.first_wait * 2.0 ** (state.attempt_number - 1), MAX_RETRY_WAIT)
        return max(base * (1 + JITTER_FRACTION * jitter()), requested_wait(last_outcome(state)))

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(policy.should_retry),
        stop=is_exhausted,
        wait=next_wait,
        sleep=sleep,
        retry_error_callback=last_outcome,
    )
    return retrying(lambda: first_outcome.pop() if first_outcome else attempt())


def last_outcome(state: tenacity.RetryCallState) -> CallOutcome | None:
    return state.outcome.result() if state.outcome else None


def requested_wait(outcome: CallOutcome | None) -> float:
    """Seconds the platform asked us to wait at least."""
    return outcome.retry_after.total_seconds() if isinstance(outcome, HttpResponse) else 0.0
