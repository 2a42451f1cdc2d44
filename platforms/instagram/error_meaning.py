"""The form of a row in the catalogue of Meta's error codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from platforms.base import Actor
from platforms.errors import NO_WAIT, PlatformError


class FollowUp(StrEnum):
    """What happens after an error."""

    RETRY = "retry"  # the same call again, with growing waits
    WAIT = "wait"  # the same call again, when the limit or the state allows it
    NEW_PART = "new_part"  # make the container again
    RECONNECT = "reconnect"  # the account has to be connected again
    PERSON = "person"  # somebody has to change something first
    STOP_ACCOUNT = "stop_account"  # no calls for this account for a while
    RECONCILE = "reconcile"  # it may have taken effect: look before anything else
    NEVER = "never"


@dataclass(frozen=True)
class Meaning:
    """What an error of Meta means. `code` is our name of it, with a text in `app/texts`.

    `wait` is used if the response does not say how long to wait.
    """

    code: str
    kind: type[PlatformError]
    then: FollowUp
    who: Actor
    sentence: str
    wait: timedelta = NO_WAIT


VendorCode = tuple[int, int | None]
"""Meta's code and subcode; None: any subcode without a row of its own."""

MeaningTable = Mapping[VendorCode, Meaning]
