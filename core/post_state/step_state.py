"""What a post remembers between its steps, by name. Ours alone: shown to nobody, never queried."""

from collections.abc import Mapping
from typing import Any

INLINE = "inline"  # its first step is being taken while its requester waits
REQUEST_REFUSED = "refused"  # its request was answered with the error it ended with
SLOT_LIMIT = "slots"  # how many slots its account has, as settings said when it was wished
UNAUDITED = "unaudited"  # it was wished while the platform had not audited us
PREFLIGHT_AT = "agreed"  # address and creator have been asked, when; the start follows at once
LAST_ERROR_CODE, RETRY_AFTER_SECONDS = (
    "why",
    "wait",
)  # code of the last try in vain, and seconds to wait after it
POLL_COUNT = "polls"  # how often the platform was asked
IS_STALE = "stale"  # it waits for longer than a day; only people are told
FILE_STAMP = "stamp"  # of its file, as it was when its first bytes were sent
UPLOAD_URL_ERROR = "dead"  # its upload address no longer works: why
OFFSET_CONFIRMED = "asked"  # the platform has said where to go on after a doubt

StepState = dict[str, Any]


def without_key(step_state: Mapping[str, Any], dropped: str) -> StepState:
    return {key: value for key, value in step_state.items() if key != dropped}
