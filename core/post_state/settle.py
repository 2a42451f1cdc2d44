"""The post's state machine: `settle` applies one progress report, by poll or webhook, to a state.
Pure and monotone.

Late, repeated and reordered reports cannot move a post backwards: phases have a rank, final states
are final, and only `ALLOWED_TRANSITIONS` exist.
"""

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from core.backoff import with_jitter
from platforms.base import Phase, PublishProgress


class PostState(StrEnum):
    """How far a post has got. Our own states: those of the platform are a `Phase`."""

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    PROCESSING = "PROCESSING"
    UNCONFIRMED = "UNCONFIRMED"
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINAL_STATES = frozenset({PostState.PUBLISHED, PostState.FAILED, PostState.CANCELLED})

ALLOWED_TRANSITIONS: dict[PostState, frozenset[PostState]] = {
    PostState.QUEUED: frozenset({PostState.SENDING, PostState.FAILED, PostState.CANCELLED}),
    PostState.SENDING: FINAL_STATES
    | {PostState.PROCESSING, PostState.UNCONFIRMED, PostState.QUEUED},
    PostState.PROCESSING: FINAL_STATES | {PostState.UNCONFIRMED},
    # back to SENDING only when the platform itself reports which bytes are missing
    PostState.UNCONFIRMED: FINAL_STATES
    | {PostState.PROCESSING, PostState.SENDING, PostState.QUEUED},
    PostState.PUBLISHED: frozenset(),
    PostState.FAILED: frozenset(),
    PostState.CANCELLED: frozenset(),
}

PHASE_RANKS = {
    Phase.RECEIVING: 1,
    Phase.PROCESSING: 2,
    Phase.DELIVERED: 3,
    Phase.PUBLISHED: 4,
    Phase.FAILED: 4,
    Phase.CANCELLED: 4,
}

STATE_FOR_PHASE = {
    Phase.RECEIVING: PostState.SENDING,
    Phase.PROCESSING: PostState.PROCESSING,
    Phase.DELIVERED: PostState.PUBLISHED,
    Phase.PUBLISHED: PostState.PUBLISHED,
    Phase.FAILED: PostState.FAILED,
    Phase.CANCELLED: PostState.CANCELLED,
}


class CurrentState(NamedTuple):
    """A post's state, the last phase that the platform reported, and the file's size if known."""

    state: PostState
    phase: Phase | None = None
    bytes_total: int | None = None


class Transition(NamedTuple):
    """State and phase after a report.

    `is_contradiction`: the report names another final state than the one the post has.
    """

    state: PostState
    phase: Phase | None
    is_change: bool
    is_contradiction: bool = False


def settle(current: CurrentState, progress: PublishProgress) -> Transition:
    """Apply one progress report; a repeated or older report changes nothing."""
    phase = effective_phase(current, progress)
    target = STATE_FOR_PHASE[phase]
    unchanged = Transition(current.state, current.phase, is_change=False)
    if current.phase is not None and PHASE_RANKS[phase] < PHASE_RANKS[current.phase]:
        return unchanged
    if current.state in FINAL_STATES and target is not current.state:
        return Transition(
            current.state,
            current.phase,
            is_change=False,
            is_contradiction=is_contradiction(current.state, target),
        )
    if target is not current.state and target not in ALLOWED_TRANSITIONS[current.state]:
        return unchanged
    return Transition(target, phase, is_change=(target, phase) != (current.state, current.phase))


def is_contradiction(current: PostState, reported: PostState) -> bool:
    """Whether only one of two final states is PUBLISHED; FAILED and CANCELLED do not conflict."""
    return reported in FINAL_STATES and PostState.PUBLISHED in {current, reported}


def effective_phase(current: CurrentState, progress: PublishProgress) -> Phase:
    """Treat "receiving" as "processing" once the platform has every byte."""
    is_complete = current.bytes_total is not None and progress.bytes_done == current.bytes_total
    has_all_bytes = progress.phase is Phase.RECEIVING and (
        is_complete or current.state is PostState.PROCESSING
    )
    return Phase.PROCESSING if has_all_bytes else progress.phase


FIRST_POLL_DELAYS = tuple(timedelta(seconds=value) for value in (5, 15, 30, 60, 120, 300))
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
OVERDUE_AFTER = DAY  # a pending post is then overdue: shown as unconfirmed, and polled hourly
GIVE_UP_AFTER = timedelta(hours=72)  # a pending post then fails: `timeout` or `outcome_unknown`


def next_poll_delay(poll_count: int, age: timedelta, *, jitter: float) -> timedelta:
    """How long to wait until the next poll, after `poll_count` polls of a post of this age.

    Source: 5, 15, 30, 60, 120, 300 s ± 20 %, after an hour every 15 minutes, after a day hourly.
    """
    if age >= OVERDUE_AFTER:
        return with_jitter(HOUR, jitter=jitter)
    if age >= HOUR:
        return with_jitter(timedelta(minutes=15), jitter=jitter)
    return with_jitter(
        FIRST_POLL_DELAYS[min(poll_count, len(FIRST_POLL_DELAYS) - 1)], jitter=jitter
    )
