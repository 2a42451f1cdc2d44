"""When to try again. Pure: the caller brings the dice. Must not know what is retried."""

from dataclasses import dataclass
from datetime import timedelta

NO_FLOOR = timedelta(0)


@dataclass(frozen=True)
class Policy:
    """The longest wait after each failed try; when they are spent, so is our patience.

    `exact`: who waits knows the steps, so they are kept, with up to a tenth drawn on top.
    """

    steps: tuple[timedelta, ...]
    exact: bool = False

    @property
    def attempts(self) -> int:
        return len(self.steps) + 1


def seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


def minutes(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=value) for value in values)


def delay(
    attempt: int, policy: Policy, *, dice: float, at_least: timedelta = NO_FLOOR
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
    if attempt > len(policy.steps):
        return None
    step = policy.steps[attempt - 1]
    if policy.exact:
        return max(step, at_least) * (1 + dice / 10)
    return max(step * dice, at_least * (1 + dice / 10))


def spread(around: timedelta, *, dice: float, share: float = 0.2) -> timedelta:
    """`around` ± `share`, so that many rows made together do not stay together."""
    return around * (1 + share * (2 * dice - 1))
