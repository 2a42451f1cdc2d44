"""Retry delays: a policy of increasing delays with full jitter. Pure: callers pass the jitter."""

from dataclasses import dataclass
from datetime import timedelta

NO_MIN_DELAY = timedelta(0)


@dataclass(frozen=True)
class RetryPolicy:
    """The longest delay after each failed attempt; after the last of them no retry follows.

    `exact`: receivers rely on the delays, so they are kept, and only up to a tenth is added.
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
    """How long to wait after failed attempt number `attempt`; None if it was the last one.

    Shapes: attempt counts from 1; jitter is in [0, 1).
    Units: `min_delay` is a floor, the platform's Retry-After; up to a tenth is added to it, so that
    many callers with the same Retry-After do not come back at the same moment.
    Errors: ValueError if attempt < 1.
    Source: full jitter within each delay of the policy, docs/decisions/0002.
    """
    if attempt < 1:
        raise ValueError(f"attempt must be at least 1, got {attempt}")
    if attempt > len(policy.delays):
        return None
    delay = policy.delays[attempt - 1]
    if policy.exact:
        return max(delay, min_delay) * (1 + jitter / 10)
    return max(delay * jitter, min_delay * (1 + jitter / 10))


def with_jitter(base: timedelta, *, jitter: float, share: float = 0.2) -> timedelta:
    """`base` ± `share`, so that rows that were created together do not stay due together."""
    return base * (1 + share * (2 * jitter - 1))
