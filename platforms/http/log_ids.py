"""Finds the id under which a platform has logged a call: its support asks for that."""

import re

from platforms.http.response import HttpResponse

LOG_ID_HEADERS = ("x-tt-logid", "x-fb-trace-id")
LOG_ID_PATTERN = re.compile(r"[\w.+/=-]{1,80}", re.ASCII)
FIELD_PATTERN = re.compile(rb'"(?:log_id|fbtrace_id)"\s*:\s*"([\w.+/=-]{1,80})"', re.ASCII)
MAX_SEARCHED_BYTES = 4096  # of a body; answers with an id are short


def find_log_id(response: HttpResponse) -> str | None:
    """Return the platform's id of a call, from a header or the body; None if there is none.

    Source: TikTok, `x-tt-logid` and `error.log_id`; Meta, `x-fb-trace-id` and `error.fbtrace_id`
    (the fields read 2026-06-02, the headers as observed).
    """
    for name in LOG_ID_HEADERS:
        value = response.headers.get(name, "")
        if LOG_ID_PATTERN.fullmatch(value):
            return value
    found = FIELD_PATTERN.search(response.body[:MAX_SEARCHED_BYTES])
    return None if found is None else found[1].decode()
