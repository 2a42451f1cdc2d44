"""TikTok's error codes in our words, as two tables. Must not know how an answer is written.

Source: TikTok, tiktok-api-v2-error-handling, oauth-error-handling and the error lists of the
Content Posting API, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from platforms.errors import (
    NO_WAIT,
    AppRefused,
    PlatformError,
    RateLimited,
    Rejected,
    Revoked,
    TokenExpired,
    Unavailable,
)
from platforms.http import HttpResponse
from platforms.json_body import MAX_NAME_LENGTH, shorten_or_hash

log = structlog.get_logger(__name__)

MAX_MESSAGE_LENGTH = 300
UNAUTHORIZED = 401
RATE_LIMIT_WAIT = timedelta(minutes=1)  # over which TikTok counts calls; it sends no Retry-After
QUOTA_WAIT = timedelta(hours=1)  # daily caps roll: a slot may be free long before the day is over


@dataclass(frozen=True)
class ErrorMapping:
    error_type: type[PlatformError]
    code: str = ""  # ours, where it differs from TikTok's
    retry_after: timedelta = NO_WAIT


ErrorMap = Mapping[str, ErrorMapping]

DATA_ERRORS: ErrorMap = {
    "access_token_invalid": ErrorMapping(TokenExpired),
    "scope_not_authorized": ErrorMapping(Rejected),
    "scope_permission_missed": ErrorMapping(Rejected),
    "rate_limit_exceeded": ErrorMapping(RateLimited, retry_after=RATE_LIMIT_WAIT),
    "internal_error": ErrorMapping(
        Unavailable, "server_error"
    ),  # before or after the work? not said
    "invalid_param": ErrorMapping(Rejected),
    "invalid_params": ErrorMapping(Rejected, "invalid_param"),
    "invalid_file_upload": ErrorMapping(Rejected),
    "app_version_check_failed": ErrorMapping(Rejected),
    "invalid_publish_id": ErrorMapping(Rejected),
    "token_not_authorized_for_specified_publish_id": ErrorMapping(Rejected),
    "publish_not_cancellable": ErrorMapping(Rejected),
    "url_ownership_unverified": ErrorMapping(Rejected),
    "privacy_level_option_mismatch": ErrorMapping(Rejected),
    "unaudited_client_can_only_post_to_private_accounts": ErrorMapping(Rejected),
    "spam_risk_user_banned_from_posting": ErrorMapping(Rejected),
    "spam_risk_too_many_pending_share": ErrorMapping(RateLimited, retry_after=QUOTA_WAIT),
    "spam_risk_too_many_posts": ErrorMapping(RateLimited, retry_after=QUOTA_WAIT),
    "reached_active_user_cap": ErrorMapping(
        RateLimited, retry_after=QUOTA_WAIT
    ),  # the app's, not the account's
}
OAUTH_ERRORS: ErrorMap = {
    "access_denied": ErrorMapping(Rejected),
    "invalid_client": ErrorMapping(AppRefused, "invalid_credentials"),
    "invalid_grant": ErrorMapping(Revoked),
    "invalid_request": ErrorMapping(Rejected),
    "invalid_scope": ErrorMapping(Rejected),
    "invalid_token": ErrorMapping(Revoked, "invalid_grant"),
    "server_error": ErrorMapping(Unavailable),
    "temporarily_unavailable": ErrorMapping(Unavailable),
    "unauthorized_client": ErrorMapping(AppRefused, "invalid_credentials"),
    "unsupported_grant_type": ErrorMapping(Rejected),
    "unsupported_response_type": ErrorMapping(Rejected),
}
CODES_IN_MESSAGE = ("invalid_publish_id",)  # also seen as the message of `invalid_params`


@dataclass(frozen=True)
class Refusal:
    """What TikTok said when it refused, in whatever form."""

    code: str
    message: str
    log_id: str | None


def map_error(
    refusal: Refusal, response: HttpResponse, error_map: ErrorMap, *, endpoint: str
) -> PlatformError:
    """The error of ours for a refusal, logged; a code that no page names is judged by status."""
    log.warning(
        "tiktok.refused",
        endpoint=endpoint,
        status=response.status,
        code=shorten_or_hash(refusal.code, MAX_NAME_LENGTH),
        log_id=refusal.log_id,
    )
    code = next((one for one in CODES_IN_MESSAGE if one in refusal.message), refusal.code)
    mapping = error_map.get(code) or ErrorMapping(error_type_for_status(response))
    error = mapping.error_type(
        refusal.message[:MAX_MESSAGE_LENGTH],
        code=mapping.code or shorten_or_hash(code, MAX_NAME_LENGTH),
        retry_after=max(mapping.retry_after, response.retry_after),
        log_id=refusal.log_id,
    )
    error.after_server_error = response.after_server_error
    return error


def error_type_for_status(response: HttpResponse) -> type[PlatformError]:
    fault = response.status_error()
    if fault is not None:
        return type(fault)
    return TokenExpired if response.status == UNAUTHORIZED else Rejected
