"""TikTok's responses and errors: the envelope of data calls and the flat form of OAuth calls.

Source: TikTok, tiktok-api-v2-error-handling, oauth-error-handling, read 2026-11-22; messages as
observed.
"""

import json
import secrets
import time
from typing import Any

from flask import Response

GUIDELINES_MESSAGE = (
    "Please review our integration guidelines at "
    "https://developers.tiktok.com/doc/content-sharing-guidelines/"
)
OWNERSHIP_MESSAGE = (
    "Please review our URL ownership verification rules at https://developers.tiktok.com/doc/"
    "content-posting-api-media-transfer-guide/#pull_from_url"
)
BAD_POST_MESSAGE = "The request post info is empty or incorrect"
BAD_SOURCE_MESSAGE = "The request source info is empty or incorrect"
BAD_CHUNK_COUNT_MESSAGE = "The total chunk count is invalid"
BAD_CHUNK_SIZE_MESSAGE = "The chunk size is invalid"

ERROR_CODES: dict[str, tuple[int, str]] = {  # HTTP status and message
    "access_token_invalid": (401, "The access token is invalid or not found in the request."),
    "scope_not_authorized": (
        401,
        "The user did not authorize the scope required for completing this request.",
    ),
    "rate_limit_exceeded": (429, "The API rate limit was exceeded. Please try again later."),
    "internal_error": (500, "Something is wrong. Please try again later."),
    "invalid_params": (400, "One or more fields in request is invalid."),
    "invalid_publish_id": (400, "The publish_id does not exist."),
    "token_not_authorized_for_specified_publish_id": (
        400,
        "The access_token does not have authorization to the publish_id.",
    ),
    "publish_not_cancellable": (400, "The publish can no longer be cancelled."),
    "spam_risk_too_many_posts": (403, GUIDELINES_MESSAGE),
    "spam_risk_user_banned_from_posting": (403, GUIDELINES_MESSAGE),
    "spam_risk_too_many_pending_share": (403, GUIDELINES_MESSAGE),
    "reached_active_user_cap": (403, GUIDELINES_MESSAGE),
    "unaudited_client_can_only_post_to_private_accounts": (403, GUIDELINES_MESSAGE),
    "privacy_level_option_mismatch": (403, GUIDELINES_MESSAGE),
    "url_ownership_unverified": (403, OWNERSHIP_MESSAGE),
}
CODE_BY_STATUS = {500: "internal_error", 429: "rate_limit_exceeded"}
OAUTH_CODE_BY_STATUS = {500: "server_error", 429: "temporarily_unavailable"}


class ApiRefused(Exception):
    """A data call that TikTok refuses; `status` is for endpoints that differ from the table."""

    def __init__(self, code: str, message: str = "", *, status: int = 0) -> None:
        default_status, default_message = ERROR_CODES[code]
        self.code = code
        self.message = message or default_message
        self.status = status or default_status
        super().__init__(code)


class OAuthRefused(Exception):
    """An OAuth call that TikTok refuses. Its status is a setting: three were observed."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description
        super().__init__(error)


def new_log_id() -> str:
    """Return the time and upper-case hex, the form of the ids that TikTok's support asks for."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(10).upper()


def envelope_response(data: dict[str, Any] | None, refused: ApiRefused | None = None) -> Response:
    """Return data and error in an envelope; `data` is None if the endpoint has none."""
    log_id = new_log_id()
    error = {
        "code": refused.code if refused else "ok",
        "message": refused.message if refused else "",
        "log_id": log_id,
    }
    body = {"error": error} if data is None else {"data": data, "error": error}
    return json_response(body, refused.status if refused else 200, log_id)


def oauth_error_response(refused: OAuthRefused, status: int) -> Response:
    log_id = new_log_id()
    error = {"error": refused.error, "error_description": refused.description, "log_id": log_id}
    return json_response(error, status, log_id)


def json_response(body: dict[str, Any], status: int, log_id: str) -> Response:
    headers = {"x-tt-logid": log_id, "Cache-Control": "no-store"}
    return Response(
        json.dumps(body), status, headers, content_type="application/json; charset=utf-8"
    )


def envelope_error_body(status: int) -> str:
    code = CODE_BY_STATUS[status]
    error = {"code": code, "message": ERROR_CODES[code][1], "log_id": new_log_id()}
    return json.dumps({"data": {}, "error": error})


def oauth_error_body(status: int) -> str:
    error = {"error": OAUTH_CODE_BY_STATUS[status], "error_description": "", "log_id": new_log_id()}
    return json.dumps(error)


def upload_error_body(_status: int) -> str:
    return ""
