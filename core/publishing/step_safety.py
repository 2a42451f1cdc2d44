"""The rules for unsafe steps, which can make a post public.

Each is written down before it runs and is not repeated while its outcome is unknown. It is repeated
once at most, after the platform has said three times, over five minutes or more, that it had no
effect.
"""

from datetime import datetime, timedelta

from core.errors import OperationFailed
from core.outcomes import Park
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES, GIVE_UP_AFTER, PostState
from core.post_state.step_state import (
    ABSENCES,
    ABSENT_SINCE,
    HANDED_OVER,
    HAS_REPEATED,
    INLINE,
    PLANNED_STEP,
    POLL_COUNT,
    REPEAT_AFTER,
    RESTORED_AT,
    UNSAFE_AT,
    UNSAFE_STEP,
    without_keys,
)
from core.post_state.transitions import move_one_post, move_post
from core.publishing.publication import parse_time
from db.posts.posts import Post, SentBy
from db.session import Session, database_now

MIN_ABSENCES = 3
MIN_ABSENCE_TIME = timedelta(minutes=5)
UNRECORDED_STEP = "start"
OUTCOME_DEADLINE = timedelta(hours=24)
"""How long the outcome of an unsafe step is looked for; what it could publish has ended by then."""


def begin_planned_step(session: Session, post: Post) -> str | None:
    """Write down that the planned unsafe step begins with this claim; None if none is planned.

    Until its outcome is recorded, every later claim finds it begun and reconciles.
    """
    step: str | None = post.step_state.get(PLANNED_STEP)
    if step is None:
        return None
    begun_at = database_now(session)
    post.step_state = {
        **without_keys(post.step_state, PLANNED_STEP),
        UNSAFE_STEP: step,
        UNSAFE_AT: begun_at.isoformat(),
    }
    if post.state == PostState.QUEUED:
        post.started_at = begun_at
        move_one_post(session, post, PostState.SENDING, note="start")
    return step


def open_unrecorded_outcome(post: Post) -> None:
    """A version without plans left this post while its start was sent: it may be public."""
    was_sent = post.state in {PostState.SENDING, PostState.UNCONFIRMED}
    if was_sent and post.sent_by == SentBy.PLATFORM and not is_outcome_open(post):
        begun_at = post.started_at or post.created_at
        post.step_state = {
            **post.step_state,
            UNSAFE_STEP: UNRECORDED_STEP,
            UNSAFE_AT: begun_at.isoformat(),
        }


def is_outcome_open(post: Post) -> bool:
    """Whether an unsafe step was begun whose outcome is not recorded."""
    return UNSAFE_STEP in post.step_state


def forget_unsafe_step(post: Post, *, keep_time: bool = False) -> None:
    """The step is over, with a known outcome. With `keep_time`, a later step can look for the post
    that it made public at that time.
    """
    dropped_keys = {
        *(UNSAFE_STEP, UNSAFE_AT, ABSENCES, ABSENT_SINCE),
        *(REPEAT_AFTER, PLANNED_STEP),
    }
    if keep_time:
        dropped_keys.remove(UNSAFE_AT)
    post.step_state = without_keys(post.step_state, *dropped_keys)


def mark_unconfirmed(changes: ChangeSet, post: Post, *, note: str, repeat_after: datetime) -> None:
    post.step_state = {
        **without_keys(post.step_state, POLL_COUNT, INLINE),
        REPEAT_AFTER: repeat_after.isoformat(),
    }
    post.is_upload_due = False
    move_post(changes, post, PostState.UNCONFIRMED, note=note)


def count_absence(changes: ChangeSet, post: Post) -> None:
    """The platform said that the step had no effect; permit it once more if that is certain."""
    since = post.step_state.get(ABSENT_SINCE) or changes.at.isoformat()
    count = int(post.step_state.get(ABSENCES, 0)) + 1
    post.step_state = {**post.step_state, ABSENCES: count, ABSENT_SINCE: since}
    repeat_after = parse_time(post.step_state.get(REPEAT_AFTER)) or changes.at
    is_long_enough = changes.at - datetime.fromisoformat(since) >= MIN_ABSENCE_TIME
    has_waited = is_long_enough and changes.at >= repeat_after
    if count < MIN_ABSENCES or not has_waited or HAS_REPEATED in post.step_state:
        return
    forget_unsafe_step(post)
    post.step_state = {**without_keys(post.step_state, POLL_COUNT), HAS_REPEATED: True}
    move_post(changes, post, PostState.PROCESSING, note="the platform has nothing of it")


def find_outcome_deadline(post: Post) -> datetime | None:
    """Return when an unknown outcome counts as unknown for good; None if nothing can be public."""
    if is_outcome_open(post):
        begun_at = find_search_begin(post)
        return None if begun_at is None else begun_at + OUTCOME_DEADLINE
    if HANDED_OVER in post.step_state:
        return (post.started_at or post.created_at) + GIVE_UP_AFTER
    return None


def limit_wait_for_owner(post: Post, park: Park, now: datetime) -> Park | OperationFailed:
    """Return how long a post may wait until its owner has connected the account again.

    One that may be public, and of which the platform cannot be asked meanwhile, ends in time.
    """
    deadline = None if post.state in FINAL_STATES else find_outcome_deadline(post)
    if deadline is None:
        return park
    if now < deadline:
        return Park(str(park), deadline - now)
    message = "the account was not connected again in time, so the platform could not be asked"
    return OperationFailed(message, code=str(park))


def is_outcome_overdue(post: Post, at: datetime) -> bool:
    begun_at = find_search_begin(post)
    return is_outcome_open(post) and begun_at is not None and at - begun_at >= OUTCOME_DEADLINE


def find_search_begin(post: Post) -> datetime | None:
    """Return since when the outcome is looked for: after a restore, since then."""
    return parse_time(post.step_state.get(RESTORED_AT) or post.step_state.get(UNSAFE_AT))
