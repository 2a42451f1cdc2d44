"""Names for what begins here, which nobody can guess. Must not know what is named."""

import os
import secrets

ID_LENGTH = 32  # hex digits
IDS_PER_DRAW = 256

_unused_ids: list[str] = []
os.register_at_fork(after_in_child=_unused_ids.clear)  # parent and child must not use the same ones


def new_id() -> str:
    """Drawn by the handful: each visit to the system's dice lets all other threads go first."""
    try:
        return _unused_ids.pop()
    except IndexError:
        digits = secrets.token_hex(ID_LENGTH // 2 * IDS_PER_DRAW)
        first, *rest = (digits[at : at + ID_LENGTH] for at in range(0, len(digits), ID_LENGTH))
        _unused_ids.extend(rest)
        return first
