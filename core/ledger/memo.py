"""What a post remembers between its steps, by name. Ours alone: shown to nobody, never queried."""

from collections.abc import Mapping
from typing import Any

INLINE = "inline"  # its first step is being taken while its requester waits
REFUSED = "refused"  # its request was answered with the error it ended with
SLOTS = "slots"  # how many slots its account has, as settings said when it was wished
UNAUDITED = "unaudited"  # it was wished while the platform had not audited us
AGREED = "agreed"  # address and creator have been asked, when; the start follows at once
WHY, WAIT = "why", "wait"  # code of the last try in vain, and seconds to wait after it
POLLS = "polls"  # how often the platform was asked
STALE = "stale"  # it waits for longer than a day; only people are told
STAMP = "stamp"  # of its file, as it was when its first bytes were sent
DEAD = "dead"  # its upload address no longer works: why
ASKED = "asked"  # the platform has said where to go on after a doubt

Memo = dict[str, Any]


def without(memo: Mapping[str, Any], name: str) -> Memo:
    return {key: value for key, value in memo.items() if key != name}
