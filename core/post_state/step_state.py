"""Keys of `Post.step_state` (column `memo`): what a post's steps store for later steps.

Internal: never shown to people and never queried. Some keys differ from their constants. They are
kept, because stored rows carry them.
"""

from collections.abc import Mapping
from typing import Any

INLINE = "inline"  # the first step runs inside the request, whose caller waits
REQUEST_REFUSED = "refused"  # the request was answered with the error that the post ended with
SLOT_LIMIT = "slots"  # the account's quota, from the settings at the time of the request
UNAUDITED = "unaudited"  # requested while the platform had not audited this application
LAST_ERROR_CODE = "why"  # of the last failed or snoozed attempt
RETRY_AFTER_SECONDS = "wait"  # seconds to wait after that attempt
POLL_COUNT = "polls"  # how often the status was polled
IS_OVERDUE = "stale"  # pending for over a day: shown as unconfirmed; the platform's state stands
FILE_STAMPS = "stamps"  # by media id: version of each file when its first bytes were sent
OFFSET_CONFIRMED = "asked"  # the platform has confirmed the offset after a failed attempt

QUOTA_LIMITS = "limits"  # name of a quota → its limit, once the platform was asked before the start
QUOTA_RESETS_AT = "resets_at"  # when a slot becomes free, while the post waits for one
PLANNED_STEP = "planned"  # the unsafe step that the next claim runs
UNSAFE_STEP = "unsafe"  # an unsafe step that was begun and whose outcome is not recorded
UNSAFE_AT = "unsafe_at"  # when it was begun; kept if it made the post public
ABSENCES = "absences"  # how often the platform has said that the unsafe step had no effect
ABSENT_SINCE = "absent_since"  # when it said so first
REPEAT_AFTER = "repeat_after"  # before this time the unsafe step is not permitted once more
RESTORED_AT = "restored_at"  # when a backup was restored in which the post was under way
HAS_REPEATED = "repeated"  # the unsafe step was permitted once more; there is no second time
LAST_STEP = "step"  # name of the last step in the timeline
HANDED_OVER = "handed_over"  # the platform has all it needs to make the post public by itself
CHECKED_AT = "checked_at"  # when it was last checked what the platform would refuse
FAILED_PART = "failed_part"  # position of the part that made the post fail

StepState = dict[str, Any]


def without_key(step_state: Mapping[str, Any], dropped_key: str) -> StepState:
    return {key: value for key, value in step_state.items() if key != dropped_key}


def without_keys(step_state: Mapping[str, Any], *dropped_keys: str) -> StepState:
    return {key: value for key, value in step_state.items() if key not in dropped_keys}


def is_reported_by_response(step_state: Mapping[str, Any]) -> bool:
    """Whether the HTTP response to the request reports the outcome, and so nothing else has to."""
    return INLINE in step_state or REQUEST_REFUSED in step_state
