"""Unwraps TikTok's responses: the envelope of data calls, and the flat form of OAuth calls.

The HTTP status never decides alone: both kinds of error may come with status 200.
"""

from collections.abc import Mapping
from typing import Any

from platforms.errors import (
    MisdirectedResponse,
    PlatformError,
    Unavailable,
    UnreadableResponse,
)
from platforms.http import HttpResponse
from platforms.json_body import MAX_NAME_LENGTH
from platforms.secret import Secret
from platforms.tiktok.error_map import DATA_ERRORS, OAUTH_ERRORS, Refusal, map_error
from platforms.vendor_values import (
    find_field,
    read_id,
    read_named_id,
    read_object,
    read_token_text,
)

OK = 200
SUCCESSES = range(200, 300)
SUCCESS_CODE = "ok"
SUCCESS_TEXTS = frozenset({"ok", "0", "success"})
"""What stands for a success in the place of an error, in answers of the vendor and of gateways."""


def unwrap_data(response: HttpResponse, endpoint: str) -> dict[str, Any]:
    """Return the `data` of an envelope with the code `ok`, and its `log_id` in it.

    Errors: the one that `DATA_ERRORS` gives for the code; without an envelope the one that the
    status implies, or Unavailable.
    """
    payload = json_object(response)
    data = read_object(payload.get("data"))
    error_info = read_object(payload.get("error")) or {}
    code = error_info.get("code")
    if isinstance(code, str) and code.lower() == SUCCESS_CODE:
        code = SUCCESS_CODE
    elif response.status == OK and data and (not error_info or is_success_word(code)):
        code = SUCCESS_CODE  # the data themselves say so
    elif not isinstance(code, str) or code.isdigit() or is_success_word(code):
        raise unreadable_error(response)
    log_id = read_id(error_info.get("log_id"), MAX_NAME_LENGTH) or read_id(
        response.headers.get("x-tt-logid"), MAX_NAME_LENGTH
    )
    if code != SUCCESS_CODE:
        refusal = Refusal(code, str(error_info.get("message", "")), log_id)
        raise map_error(refusal, response, DATA_ERRORS, endpoint=endpoint)
    return {**(data or {}), "log_id": log_id}


def unwrap_oauth(response: HttpResponse, endpoint: str) -> dict[str, Any]:
    """Return the JSON object of an OAuth response. The body of a revocation may be empty.

    An answer with tokens counts whatever its status: the old ones may be spent.
    Errors: the one that `OAUTH_ERRORS` gives for the code; if the body is not as documented the
    one that the status implies, or Unavailable.
    """
    is_success = response.status in SUCCESSES
    payload = {} if is_success and not response.body.strip() else json_object(response)
    if has_tokens(payload):
        return payload
    error_info = read_object(payload.get("error")) or payload
    error_code = error_info.get("code") if error_info is not payload else payload.get("error")
    if isinstance(error_code, str) and error_code and not is_success_word(error_code):
        message = str(error_info.get("message") or payload.get("error_description", ""))
        log_id = read_id(error_info.get("log_id"), MAX_NAME_LENGTH)
        refusal = Refusal(error_code, message, log_id)
        raise map_error(refusal, response, OAUTH_ERRORS, endpoint=endpoint)
    if not is_success:
        raise unreadable_error(response)
    return payload


def has_tokens(payload: Mapping[str, Any]) -> bool:
    data = read_object(payload.get("data")) or payload
    return any(read_token_text(find_field(each, "access_token")) for each in (payload, data))


def is_success_word(code: Any) -> bool:
    """Return whether the code of an error means that there was none."""
    text = read_id(code, MAX_NAME_LENGTH)
    return text is not None and text.lower() in SUCCESS_TEXTS


def json_object(response: HttpResponse) -> dict[str, Any]:
    try:
        payload = response.json()
    except Unavailable:
        raise unreadable_error(response) from None
    json_value = read_object(payload)
    if json_value is None:
        raise unreadable_error(response)
    return json_value


def require_secret(payload: Mapping[str, Any], key: str) -> Secret:
    """Return a token, or a URL that is one, of the response. Errors: UnreadableResponse."""
    value = read_token_text(find_field(payload, key))
    if value is None:
        raise UnreadableResponse(f"the response has no `{key}` of printable ASCII")
    return Secret(value)


def require_id(payload: Mapping[str, Any], key: str) -> str:
    """Return an id that the response has to contain. Errors: UnreadableResponse."""
    value = read_named_id(payload.get(key))
    if value is None:
        raise UnreadableResponse(f"the response has no id `{key}`")
    return value


def check_subject(payload: Mapping[str, Any], key: str, expected: str) -> None:
    """Check that the response is about what was asked, if it names that.

    Errors: MisdirectedResponse.
    """
    named = read_named_id(payload.get(key))
    if named is not None and named != read_id(expected):
        raise MisdirectedResponse(f"the response is about another `{key}` than the request")


def unreadable_error(response: HttpResponse) -> PlatformError:
    return response.status_error() or UnreadableResponse(
        f"the platform answered {response.status} in an undocumented form"
    )
