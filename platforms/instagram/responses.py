"""Reads Meta's responses: the JSON object of a success, or the error that a refusal means.

The HTTP status decides only where the body is none of Meta's forms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from platforms.errors import PlatformError, RateLimited, Rejected, Unavailable, UnreadableResponse
from platforms.http import HttpResponse
from platforms.instagram.error_catalogue import REFUSED, find_flat_meaning, find_meaning
from platforms.instagram.error_meaning import FollowUp, Meaning
from platforms.instagram.usage import Usage
from platforms.json_body import MAX_NAME_LENGTH
from platforms.secret import Secret
from platforms.vendor_values import (
    read_count,
    read_flag,
    read_id,
    read_number,
    read_object,
    read_text,
)

log = structlog.get_logger(__name__)

OK_STATUSES = range(200, 300)
NO_CONTENT = 204
BAD_REQUEST = 400
UNKNOWN_STATUSES = frozenset({404, 405})  # of a path, or of a method at this path
MAX_MESSAGE_LENGTH = 300  # characters of Meta's message that are kept


class UnknownAddress(UnreadableResponse):
    """The host has no such path, or not with this method. Nothing was done."""


@dataclass(frozen=True)
class GraphRefusal:
    """An error response. `meaning` is None for a code that is not in the catalogue."""

    meaning: Meaning | None
    vendor_code: str  # "190", "190/463"
    message: str
    log_id: str | None


def unwrap_response(
    response: HttpResponse, endpoint: str, *, usage: Usage | None, secrets: Iterable[Secret]
) -> dict[str, Any]:
    """Return the JSON object of a success. A bare `true` counts as `{"success": true}`.

    `secrets` are cut out of Meta's messages, some of which quote the token.
    Errors: the one of the catalogue; UnreadableResponse or what the status implies for another
    form.
    """
    payload = decode_response(response)
    refusal = read_refusal(payload, endpoint)
    if refusal is not None:
        raise map_refusal(refusal, response, endpoint, usage=usage, secrets=secrets)
    if response.status not in OK_STATUSES:
        raise unreadable_error(response)
    return payload


def decode_response(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object of a response; an empty one where the status says that none comes."""
    if response.status == NO_CONTENT and not response.body:
        return {}
    try:
        payload = response.json()
    except Unavailable:
        raise unreadable_error(response) from None
    if isinstance(payload, bool):
        return {"success": payload}
    json_value = read_object(payload)
    if json_value is None:
        raise unreadable_error(response)
    return json_value


def unreadable_error(response: HttpResponse) -> PlatformError:
    kind = UnknownAddress if response.status in UNKNOWN_STATUSES else UnreadableResponse
    return response.status_error() or kind(
        f"the platform answered {response.status} in an undocumented form"
    )


def read_refusal(payload: Mapping[str, Any], endpoint: str) -> GraphRefusal | None:
    """Return the refusal in Meta's envelope or in the flat form of api.instagram.com."""
    error_info = read_object(payload.get("error"))
    if error_info is not None:
        return read_envelope(error_info, endpoint)
    message = payload.get("error_message")
    if "error_type" not in payload and message is None:
        return None
    text = message if isinstance(message, str) else ""
    code = read_count(payload.get("code")) or BAD_REQUEST
    # all refusals have the code 400; others repeat an HTTP status that says more than the message
    meaning = find_flat_meaning(text) if code == BAD_REQUEST else None
    return GraphRefusal(meaning, str(code), text, None)


def read_envelope(error_info: Mapping[str, Any], endpoint: str) -> GraphRefusal:
    code, subcode = (
        read_number(error_info.get("code")),
        read_number(error_info.get("error_subcode")),
    )
    is_transient = read_flag(error_info.get("is_transient")) is True
    message = error_info.get("message")
    meaning, vendor_code = None, "none"
    if isinstance(code, int):
        whole_subcode = subcode if isinstance(subcode, int) and subcode else None
        vendor_code = str(code) if whole_subcode is None else f"{code}/{whole_subcode}"
        meaning = find_meaning((code, whole_subcode), endpoint, is_transient=is_transient)
    return GraphRefusal(
        meaning,
        vendor_code,
        message if isinstance(message, str) else "",
        read_id(error_info.get("fbtrace_id"), MAX_NAME_LENGTH),
    )


def map_refusal(
    refusal: GraphRefusal,
    response: HttpResponse,
    endpoint: str,
    *,
    usage: Usage | None,
    secrets: Iterable[Secret],
) -> PlatformError:
    """Log a refusal and return the error for it; the status decides for an unknown code."""
    log.warning(
        "meta.refused",
        endpoint=endpoint,
        status=response.status,
        code=refusal.vendor_code,
        log_id=refusal.log_id,
    )
    message = f"{clean_message(refusal.message, secrets)} ({refusal.vendor_code})".strip()
    if refusal.meaning is None:
        error = unknown_error(refusal, response, message)
    else:
        meaning = refusal.meaning
        is_limited = issubclass(meaning.kind, RateLimited)
        regain = usage.regain if usage is not None and is_limited else None
        error = meaning.kind(
            message,
            code=meaning.code,
            retry_after=max(regain or meaning.wait, response.retry_after),
            log_id=refusal.log_id,
        )
        error.stops_account = meaning.then is FollowUp.STOP_ACCOUNT
    error.after_server_error = response.after_server_error
    return error


def unknown_error(refusal: GraphRefusal, response: HttpResponse, message: str) -> PlatformError:
    """Return a refusal for good, unless the status or a missing code makes that doubtful."""
    status_error = response.status_error()
    if status_error is not None:
        return type(status_error)(message, retry_after=response.retry_after, log_id=refusal.log_id)
    if response.status in UNKNOWN_STATUSES:
        return UnknownAddress(message, log_id=refusal.log_id)
    if refusal.vendor_code == "none":
        return UnreadableResponse(message, log_id=refusal.log_id)
    return Rejected(message, code=REFUSED.code, log_id=refusal.log_id)


def clean_message(message: str, secrets: Iterable[Secret]) -> str:
    for secret in secrets:
        if secret:
            message = message.replace(secret.reveal(), "***")
    return read_text(message, MAX_MESSAGE_LENGTH) or ""
