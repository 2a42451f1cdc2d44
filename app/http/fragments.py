"""Fragments that pages fetch again: a browser that has the newest is answered before rendering."""

import hashlib
from collections.abc import Callable

from flask import Response, make_response, request

from app.http.context import current_container, current_principal
from app.http.i18n import current_locale
from app.http.time_zones import current_zone

NOT_MODIFIED_STATUS = 304


def answer_fragment(state: object, render: Callable[[], str]) -> Response:
    """Return the fragment, or 304 if the browser has it.

    `state`: whatever its content depends on, as a row's id and `updated_at`; its `repr` is
    compared. The reader, their language and zone are added, and the minute, for ages like
    "3 minutes ago".
    """
    minute = current_container().services.now().strftime("%Y-%m-%dT%H:%M")
    reader = (current_principal().user_id, current_locale(), current_zone().key, minute)
    tag = hashlib.sha256(repr((request.full_path, reader, state)).encode()).hexdigest()[:32]
    is_known = request.if_none_match.contains(tag)
    response = make_response("" if is_known else render(), NOT_MODIFIED_STATUS if is_known else 200)
    response.set_etag(tag)
    return response
