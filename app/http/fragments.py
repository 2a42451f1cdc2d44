"""Fragments that pages fetch again: a browser that has the newest one gets no body."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, make_response, render_template, request

from app.http.context import current_container, current_principal
from app.http.csrf import issue_csrf_token
from app.http.i18n import current_locale
from app.http.time_zones import current_zone

NOT_MODIFIED_STATUS = 304
TAG_DIGITS = 32


def answer_fragment(state: object, render: Callable[[], str]) -> Response:
    """Return the fragment, or 304 if the browser has it.

    `state`: whatever its content depends on, as a row's id and `updated_at`; its `repr` is
    compared. The reader, their rights, language and zone are added, and the minute, for ages like
    "3 minutes ago".
    """
    minute = current_container().services.now().strftime("%Y-%m-%dT%H:%M")
    principal = current_principal()
    person = (principal.user_id, sorted(principal.scopes))
    reader = (person, current_locale(), current_zone().key, minute)
    tag = hashlib.sha256(repr((request.full_path, reader, state)).encode()).hexdigest()[:TAG_DIGITS]
    return answer_unless_known(tag, render)


def answer_fields(template: str, fields: Mapping[str, Any], *further: object) -> Response:
    """Return a fragment that is made of these fields, or 304, without rendering it, if it is known.

    What changes with the time alone has to be among the fields or in `further`, except what is
    said to the minute.
    """
    state = json.dumps([fields, further], default=list_attributes)
    return answer_fragment(state, lambda: render_template(template, **fields))


def list_attributes(value: object) -> object:
    """Return what an object consists of, for comparison. Errors: TypeError if that is not known."""
    if isinstance(value, date | timedelta | UUID | Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if not hasattr(value, "__dict__"):
        raise TypeError(f"{type(value).__name__} cannot be compared")
    return {name: each for name, each in vars(value).items() if not name.startswith("_")}


def answer_rendered(fragment: str) -> Response:
    """Return a fragment whose state costs as much to read as to render, or 304 if it is known.

    The token of its forms is left out: it differs each second, and an earlier one stays valid.
    """
    content = fragment.replace(issue_csrf_token(), "")
    tag = hashlib.sha256(content.encode()).hexdigest()[:TAG_DIGITS]
    return answer_unless_known(tag, lambda: fragment)


def answer_unless_known(tag: str, render: Callable[[], str]) -> Response:
    is_known = request.if_none_match.contains(tag)
    response = make_response("" if is_known else render(), NOT_MODIFIED_STATUS if is_known else 200)
    response.set_etag(tag)
    return response
