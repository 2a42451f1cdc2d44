"""When to try again. Pure: the caller brings the dice. Must not know what is retried."""

from dataclasses import dataclass
from datetime import timedelta

NO_MIN_DELAY = timedelta(0)


@dataclass(frozen=True)
class RetryPolicy:
    """The longest wait after each failed try; when they are spent, so is our patience.

    `exact`: who waits knows the steps, so they are kept, with up to a tenth drawn on top.
    """

    delays: tuple[timedelta, ...]
    exact: bool = False

    @property
    def max_attempts(self) -> int:
        return len(self.delays) + 1


def seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


def minutes(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=value) for value in values)


def next_retry_delay(
    attempt: int, policy: RetryPolicy, *, jitter: float, min_delay: timedelta = NO_MIN_DELAY
) -> timedelta | None:
    """How long to wait after failed try number `attempt`; None when it was the last one.

    Shapes: attempt counts from 1; dice is in [0, 1).
    Units: `at_least` is a floor, the vendor's Retry-After; up to a tenth is drawn on top of it,
    so that a crowd told the same does not come back in step.
    Errors: ValueError if attempt < 1.
    Source: full jitter inside each step of the curve, docs/decisions/0002.
    """
    if attempt < 1:
        raise ValueError("attempts count from 1")
    if attempt > len(policy.delays):
        return None
    longest = policy.delays[attempt - 1]
    if policy.exact:
        return max(longest, min_delay) * (1 + jitter / 10)
    return max(longest * jitter, min_delay * (1 + jitter / 10))


def with_jitter(base: timedelta, *, jitter: float, share: float = 0.2) -> timedelta:
    """`around` ± `share`, so that many rows made together do not stay together."""
    return base * (1 + share * (2 * jitter - 1))
