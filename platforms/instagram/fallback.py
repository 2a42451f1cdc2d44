"""Repeats a call with the login's token if Meta does not show an object to the account's.

Source: for weeks in 2026 Page tokens could not read objects that the user's token could; public
issue threads, read 2026-11-22.
"""

from collections.abc import Callable
from typing import TypeVar

from platforms.errors import NotReadable
from platforms.secret import Secret

T = TypeVar("T")


def with_fallback(call: Callable[[Secret], T], token: Secret, fallback_token: Secret | None) -> T:
    """Make a call that may be repeated. Errors: those of the call; NotReadable of both tokens."""
    try:
        return call(token)
    except NotReadable:
        if fallback_token is None or fallback_token == token:
            raise
        return call(fallback_token)
