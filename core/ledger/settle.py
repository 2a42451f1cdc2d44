"""Two mouths, one ear: news of a publication, by poll or webhook, becomes state. Pure, monotone.

Late, doubled and disordered news cannot move a post backwards: phases have a rank, final states
are final, and only the moves of `MOVES` exist.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from core.backoff import spread
from platforms.base import Phase, Progress


class State(StrEnum):
    """Where one of our posts stands, in our own words."""

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    PROCESSING = "PROCESSING"
    UNCONFIRMED = "UNCONFIRMED"
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINAL = frozenset({State.PUBLISHED, State.FAILED, State.CANCELLED})

_ENDS = FINAL
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.FAILED, State.CANCELLED}),
    State.SENDING: _ENDS | {State.PROCESSING, State.UNCONFIRMED, State.QUEUED},
    State.PROCESSING: _ENDS | {State.UNCONFIRMED},
    # back to SENDING only when the platform itself says which bytes are missing
    State.UNCONFIRMED: _ENDS | {State.PROCESSING, State.SENDING, State.QUEUED},
    State.PUBLISHED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}

RANK = {
    Phase.RECEIVING: 1,
    Phase.PROCESSING: 2,
    Phase.DELIVERED: 3,
    Phase.PUBLISHED: 4,
    Phase.FAILED: 4,
    Phase.CANCELLED: 4,
}

TARGET = {
    Phase.RECEIVING: State.SENDING,
    Phase.PROCESSING: State.PROCESSING,
    Phase.DELIVERED: State.PUBLISHED,
    Phase.PUBLISHED: State.PUBLISHED,
    Phase.FAILED: State.FAILED,
    Phase.CANCELLED: State.CANCELLED,
}


@dataclass(frozen=True)
class Stand:
    """What we believe: our state, and the last phase the platform told us of."""

    state: State
    phase: Phase | None = None
    bytes_total: int | None = None


@dataclass(frozen=True)
class Move:
    """What we believe after the news. `contradicts`: it names another end than the one we hold."""

    state: State
    phase: Phase | None
    news: bool
    contradicts: bool = False


def settle(stand: Stand, progress: Progress) -> Move:
    """One piece of news applied; the same news again, or older news, changes nothing."""
    phase = heard(stand, progress)
    target = TARGET[phase]
    held = Move(stand.state, stand.phase, news=False)
    if stand.phase is not None and RANK[phase] < RANK[stand.phase]:
        return held
    if stand.state in FINAL and target is not stand.state:
        return Move(stand.state, stand.phase, news=False, contradicts=differs(stand.state, target))
    if target is not stand.state and target not in MOVES[stand.state]:
        return held
    return Move(target, phase, news=(target, phase) != (stand.state, stand.phase))


def differs(held: State, told: State) -> bool:
    """Whether a post is out or not matters; which of our words says that it is not, does not."""
    return told in FINAL and State.PUBLISHED in {held, told}


def heard(stand: Stand, progress: Progress) -> Phase:
    """A platform that has every byte is no longer receiving, whatever its word for it."""
    complete = stand.bytes_total is not None and progress.bytes_done == stand.bytes_total
    waiting = progress.phase is Phase.RECEIVING and (complete or stand.state is State.PROCESSING)
    return Phase.PROCESSING if waiting else progress.phase


QUICK = tuple(timedelta(seconds=value) for value in (5, 15, 30, 60, 120, 300))
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
STALE_AFTER, GIVE_UP_AFTER = DAY, timedelta(hours=72)


def next_poll(polls: int, age: timedelta, *, dice: float) -> timedelta:
    """How long until we ask again, after `polls` questions about a post of this age.

    Source: 5, 15, 30, 60, 120, 300 s ± 20 %, after an hour every 15 minutes, after a day hourly.
    """
    if age >= STALE_AFTER:
        return spread(HOUR, dice=dice)
    if age >= HOUR:
        return spread(timedelta(minutes=15), dice=dice)
    return spread(QUICK[min(polls, len(QUICK) - 1)], dice=dice)
