"""Unwraps TikTok's responses: the envelope of data calls, and the flat form of OAuth calls.

The HTTP status never decides alone: both kinds of error may come with status 200.
"""

from collections.abc import Mapping
from typing import Any

from platforms.errors import PlatformError, Unavailable
from platforms.http import HttpResponse
from platforms.json_body import MAX_NAME_LENGTH, to_text
from platforms.tiktok.error_map import DATA_ERRORS, OAUTH_ERRORS, Refusal, map_error

OK = 200


def unwrap_data(response: HttpResponse, endpoint: str) -> dict[str, Any]:
    """Return the `data` of an envelope with the code `ok`, and its `log_id` in it.

    Errors: the one that `DATA_ERRORS` gives for the code; without an envelope the one that the
    status implies, or Unavailable.
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
    data = payload.get("data")
    return {**(data if isinstance(data, dict) else {}), "log_id": log_id}


def unwrap_oauth(response: HttpResponse, endpoint: str) -> dict[str, Any]:
    """Return the JSON object of an OAuth response. The body of a revocation may be empty.

    Errors: the one that `OAUTH_ERRORS` gives for the code; if the body is not as documented the
    one that the status implies, or Unavailable.
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
    """Return a text that the response has to contain. Errors: Unavailable."""
    value = payload.get(key)
    if not isinstance(value, str) or not value:
        raise Unavailable(f"the response has no text `{key}`", code="INVALID_RESPONSE")
    return value


def unreadable_error(response: HttpResponse) -> PlatformError:
    return response.status_error() or Unavailable(
        f"the platform answered {response.status} in an undocumented form", code="INVALID_RESPONSE"
    )
