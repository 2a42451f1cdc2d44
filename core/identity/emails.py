"""The form of an e-mail address, as browsers check it."""

import re

MAX_EMAIL_LENGTH = 254  # characters; RFC 5321, section 4.5.3.1.3, less the angle brackets

# The pattern of <input type="email">. Source: HTML Living Standard, "valid e-mail address",
# read 2026-11-29. Nothing in it can be markup, a line break or a control character.
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL_PATTERN = re.compile(
    rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(?:\.{LABEL})*", re.ASCII
)


def is_email(text: object) -> bool:
    return (
        isinstance(text, str)
        and len(text) <= MAX_EMAIL_LENGTH
        and EMAIL_PATTERN.fullmatch(text) is not None
    )
