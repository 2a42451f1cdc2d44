"""Immediate retries of a call to a platform. Longer waits are a row's due time, not a sleep.

Whether a call may be repeated depends on the endpoint and not on the HTTP method: TikTok uses POST
for queries too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

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
    the call is repeated, unless `final_text` is in the body: then it has what was asked for.
    """

    max_attempts: int
    first_wait: float = 0.0  # seconds before the second attempt, doubled for each further one
    retry_ambiguous: bool = False
    statuses: frozenset[int] = frozenset()
    final_text: bytes | None = None

    def should_retry(self, outcome: CallOutcome) -> bool:
        if isinstance(outcome, PlatformError):
            return self.retry_ambiguous or not outcome.may_have_arrived
        if self.final_text is not None and self.final_text in outcome.body:
            return False
        return outcome.status in self.statuses and requested_wait(outcome) <= MAX_RETRY_WAIT


NO_RETRY = HttpRetryPolicy(max_attempts=1)
SAFE_RETRY = HttpRetryPolicy(
    max_attempts=3, first_wait=0.2, retry_ambiguous=True, statuses=RETRYABLE_STATUSES | {408}
)
# authorization codes can be used once and refresh tokens rotate: never repeat an ambiguous call
TOKEN_RETRY = HttpRetryPolicy(
    max_attempts=3, first_wait=0.1, statuses=RETRYABLE_STATUSES, final_text=b'"access_token"'
)


def call_with_retries(
    policy: HttpRetryPolicy,
    attempt: Callable[[], CallOutcome],
    *,
    sleep: Callable[[float], None],
    jitter: Callable[[], float],
) -> CallOutcome:
    """Return the first outcome that needs no further attempt, or else the last one.

    tenacity is set up only after a first attempt has failed: most calls succeed at once, and
    setting it up costs more than the rest of a call (decision 0019).
    """
    started_at = time.monotonic()

    def is_exhausted(attempts: int) -> bool:
        is_late = time.monotonic() - started_at >= RETRY_TIME_LIMIT
        return is_late or attempts >= policy.max_attempts

    outcome = attempt()
    if is_exhausted(1) or not policy.should_retry(outcome):
        return outcome
    sleep(next_wait(policy, 1, outcome, jitter()))

    def should_stop(state: tenacity.RetryCallState) -> bool:
        return is_exhausted(state.attempt_number + 1)

    def wait_after(state: tenacity.RetryCallState) -> float:
        return next_wait(policy, state.attempt_number + 1, last_outcome(state), jitter())

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(policy.should_retry),
        stop=should_stop,
        wait=wait_after,
        sleep=sleep,
        retry_error_callback=last_outcome,
    )
    return retrying(attempt)


def last_outcome(state: tenacity.RetryCallState) -> CallOutcome:
    """Return what the latest attempt brought; our attempts return errors and do not raise."""
    assert state.outcome is not None  # noqa: S101 - tenacity calls back after an attempt only
    result: CallOutcome = state.outcome.result()
    return result


def next_wait(
    policy: HttpRetryPolicy, attempt_number: int, outcome: CallOutcome, jitter: float
) -> float:
    """Return the seconds to wait after this attempt, at least what the platform asked for."""
    base = min(policy.first_wait * 2.0 ** (attempt_number - 1), MAX_RETRY_WAIT)
    return max(base * (1 + JITTER_FRACTION * jitter), requested_wait(outcome))


def requested_wait(outcome: CallOutcome) -> float:
    """Return the seconds of the response's Retry-After; 0 if there is none."""
    return outcome.retry_after.total_seconds() if isinstance(outcome, HttpResponse) else 0.0
