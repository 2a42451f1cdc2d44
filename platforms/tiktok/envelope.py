"""The two shapes of TikTok's answers: the envelope of data calls, and the flat one of OAuth.

The status never decides alone: either kind of refusal may come with HTTP 200.
"""

from collections.abc import Mapping
from typing import Any

from platforms.errors import PlatformError, Unavailable
from platforms.http import HttpResponse
from platforms.json_body import MAX_NAME_LENGTH, to_text
from platforms.tiktok.error_map import DATA_ERRORS, OAUTH_ERRORS, Refusal, map_error

OK = 200


def unwrap_data(response: HttpResponse, endpoint: str) -> dict[str, Any]:
    """The `data` of an envelope that says `ok`, with its `log_id` added.

    Errors: what `DATA` says of the code; what the status says, or Unavailable, without envelope.
    """
    payload = json_object(response)
    error_info = payload.get("error")
    if not isinstance(error_info, dict) or not isinstance(error_info.get("code"), str):
        raise unreadable_error(response)
    log_id = to_text(error_info.get("log_id"), MAX_NAME_LENGTH) or to_text(
        response.headers.get("x-tt-logid"), MAX_NAME_LENGTH
    )
    if error_info["code"] != "ok":
        refusal = Refusal(error_info["code"], str(error_info.get("message", "")), log_id)
        raise map_error(refusal, response, DATA_ERRORS, endpoint=endpoint)
    inner = payload.get("data")
    return {**(inner if isinstance(inner, dict) else {}), "log_id": log_id}


def unwrap_oauth(response: HttpResponse, endpoint: str) -> dict[str, Any]:
    """An answer of the OAuth endpoints. Revocation may answer with nothing at all.

    Errors: what `OAUTH` says of the code; what the status says, or Unavailable, if unreadable.
    """
    payload = {} if response.status == OK and not response.body.strip() else json_object(response)
    error_code = payload.get("error")
    if isinstance(error_code, str) and error_code:
        message = str(payload.get("error_description", ""))
        refusal = Refusal(error_code, message, to_text(payload.get("log_id"), MAX_NAME_LENGTH))
        raise map_error(refusal, response, OAUTH_ERRORS, endpoint=endpoint)
    if response.status != OK:
        raise unreadable_error(response)
    return payload


def json_object(response: HttpResponse) -> dict[str, Any]:
    try:
        payload = response.json()
    except Unavailable:
        raise unreadable_error(response) from None
    if not isinstance(payload, dict):
        raise unreadable_error(response)
    return payload


def require_text(payload: Mapping[str, Any], key: str) -> str:
    """A text the answer is worth nothing without. Errors: Unavailable."""
    value = payload.get(key)
    if not isinstance(value, str) or not value:
        raise Unavailable(f"the answer has no {key}", code="INVALID_RESPONSE")
    return value


def unreadable_error(response: HttpResponse) -> PlatformError:
    return response.status_error() or Unavailable(
        f"answered {response.status}, but not as documented", code="INVALID_RESPONSE"
    )
