"""Names for what begins here, which nobody can guess. Must not know what is named."""

import os
import secrets

LENGTH = 32  # hex digits
HANDFUL = 256

_drawn: list[str] = []
os.register_at_fork(after_in_child=_drawn.clear)  # parent and child must not use the same ones


def fresh() -> str:
    """Drawn by the handful: each visit to the system's dice lets all other threads go first."""
    try:
        return _drawn.pop()
    except IndexError:
        digits = secrets.token_hex(LENGTH // 2 * HANDFUL)
        first, *rest = (digits[at : at + LENGTH] for at in range(0, len(digits), LENGTH))
        _drawn.extend(rest)
        return first
