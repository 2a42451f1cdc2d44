"""Random ids for requests and runs."""

import os
import secrets

ID_LENGTH = 32  # hex digits
IDS_PER_DRAW = 256

_unused_ids: list[str] = []
os.register_at_fork(after_in_child=_unused_ids.clear)  # parent and child must not use the same ids


def new_id() -> str:
    """Return a new id.

    Ids are drawn in batches: each call of the system's generator lets all other threads run first.
    """
    try:
        return _unused_ids.pop()
    except IndexError:
        digits = secrets.token_hex(ID_LENGTH // 2 * IDS_PER_DRAW)
        new_ids = [digits[at : at + ID_LENGTH] for at in range(0, len(digits), ID_LENGTH)]
        _unused_ids.extend(new_ids[1:])
        return new_ids[0]
