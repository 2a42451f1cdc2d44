"""Reads the answers of Meta's token endpoints."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from platforms.errors import Revoked, TokenExpired, UnreadableResponse
from platforms.logins import LoginGrant
from platforms.secret import Secret
from platforms.vendor_values import find_field, read_duration, read_text, read_token_text

CODE_TAIL = re.compile(r"#_(=_)?$")  # Meta adds it to the URL; it is no part of the code
MAX_LIFETIME = timedelta(days=10 * 365)  # a longer lifetime is reduced to it
MAX_TYPE_LENGTH = 100  # characters of a token type that are kept


def strip_code(code: str) -> str:
    """Return an authorization code without what Meta adds to the URL that carried it."""
    return CODE_TAIL.sub("", code.strip())


def read_token(payload: Mapping[str, Any], key: str = "access_token") -> Secret:
    """Return a token that a header can carry. Errors: UnreadableResponse."""
    value = read_token_text(find_field(payload, key))
    if value is None:
        raise UnreadableResponse(f"the response has no `{key}` of printable ASCII")
    return Secret(value)


def read_grant(payload: Mapping[str, Any]) -> LoginGrant:
    """Return the token of an answer; its lifetime is None if the answer gives none."""
    return LoginGrant(
        access_token=read_token(payload),
        lifetime=read_duration(find_field(payload, "expires_in"), longest=MAX_LIFETIME),
        token_type=read_text(find_field(payload, "token_type"), MAX_TYPE_LENGTH) or "Bearer",
    )


def as_revoked(error: TokenExpired) -> Revoked:
    """Return the error of a token that was to be renewed: there is no other one to renew it."""
    return Revoked(str(error), code=error.code, log_id=error.log_id)
