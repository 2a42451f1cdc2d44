"""Which HTTP status an error has: contract, appendix A, as one table. Nobody else knows a status.

The words for people stand in `app/texts/`, under the same codes.
"""

from datetime import timedelta
from typing import NamedTuple

from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from core.errors import CoreError
from db.session import StoreAway
from platforms.errors import PlatformError


class Kind(NamedTuple):
    status: int
    retryable: bool = False


AGAIN = True

GENERAL = {
    "VALIDATION_ERROR": Kind(400),
    "UNAUTHORIZED": Kind(401),
    "invalid_login": Kind(401),
    "FORBIDDEN": Kind(403),
    "NOT_FOUND": Kind(404),
    "METHOD_NOT_ALLOWED": Kind(405),
    "CONFLICT": Kind(409),
    "IDEMPOTENCY_IN_PROGRESS": Kind(409, AGAIN),
    "PAYLOAD_TOO_LARGE": Kind(413),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415),
    "IDEMPOTENCY_MISMATCH": Kind(422),
    "RATE_LIMIT_EXCEEDED": Kind(429, AGAIN),
    "INTERNAL_ERROR": Kind(500, AGAIN),
    "CONFIG_MISSING": Kind(500),
    "crypto_error": Kind(500),
    "SERVICE_UNAVAILABLE": Kind(503, AGAIN),
}
OAUTH = {
    "access_denied": Kind(400, AGAIN),
    "invalid_request": Kind(400, AGAIN),
    "missing_code": Kind(400, AGAIN),
    "invalid_scope": Kind(400),
    "no_business_account": Kind(400),
    "non_sandbox_target": Kind(400),
    "account_not_eligible": Kind(400),
    "unauthorized": Kind(401, AGAIN),
    "invalid_grant": Kind(401),
    "invalid_state": Kind(403, AGAIN),
    "csrf_detected": Kind(403, AGAIN),
    "account_already_connected": Kind(409),
    "rate_limited": Kind(429, AGAIN),
    "oauth_not_configured": Kind(500),
    "invalid_credentials": Kind(500, AGAIN),
    "callback_failed": Kind(500, AGAIN),
    "unknown_error": Kind(500, AGAIN),
    "platform_error": Kind(502, AGAIN),
    "token_exchange_failed": Kind(502, AGAIN),
    "service_unavailable": Kind(503, AGAIN),
}
PLATFORM = {
    "account_required": Kind(400),
    "invalid_param": Kind(400),
    "invalid_file_upload": Kind(400),
    "privacy_level_option_mismatch": Kind(400),
    "app_version_check_failed": Kind(400),
    "access_token_invalid": Kind(401),
    "not_connected": Kind(403),
    "scope_not_authorized": Kind(403),
    "scope_permission_missed": Kind(403),
    "url_unreachable": Kind(400),
    "url_ownership_unverified": Kind(403),
    "spam_risk_user_banned_from_posting": Kind(403),
    "unaudited_client_can_only_post_to_private_accounts": Kind(403),
    "invalid_publish_id": Kind(404),
    "token_not_authorized_for_specified_publish_id": Kind(404),
    "publish_not_cancellable": Kind(409),
    "quota_exceeded": Kind(429, AGAIN),
    "rate_limit_exceeded": Kind(429, AGAIN),
    "spam_risk_too_many_pending_share": Kind(429, AGAIN),
    "spam_risk_too_many_posts": Kind(429, AGAIN),
    "reached_active_user_cap": Kind(429, AGAIN),
    "disconnect_failed": Kind(500, AGAIN),
    "upload_failed": Kind(500, AGAIN),
    "status_query_failed": Kind(500, AGAIN),
    "INVALID_RESPONSE": Kind(502, AGAIN),
    "NETWORK_ERROR": Kind(503, AGAIN),
    "server_error": Kind(503, AGAIN),
    "tiktok_unavailable": Kind(503, AGAIN),
    "platform_unavailable": Kind(503, AGAIN),
    "TIMEOUT_ERROR": Kind(504, AGAIN),
    "timeout": Kind(504, AGAIN),
}
DELIVERIES = {
    "invalid_payload": Kind(400),
    "missing_signature": Kind(401),
    "invalid_signature": Kind(401),
    "stale_signature": Kind(401),
    "verification_failed": Kind(403),
    "webhook_not_configured": Kind(503, AGAIN),
}
KINDS = {**GENERAL, **OAUTH, **PLATFORM, **DELIVERIES}

FRAMEWORK = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    503: "SERVICE_UNAVAILABLE",
}
"""Statuses that Flask itself answers with; what is missing here is bad form (4xx) or our fault."""

PAUSE = timedelta(seconds=2)  # before asking again while Postgres is away


def code_of(error: Exception) -> str:
    """The code of ours for any exception. A vendor's code that we do not know stays inside."""
    match error:
        case CSRFError():
            return "csrf_detected"
        case StoreAway():
            return "SERVICE_UNAVAILABLE"
        case CoreError() | PlatformError():
            known = (error.code, *(getattr(kind, "code", "") for kind in type(error).__mro__))
            return next((code for code in known if code in KINDS), "INTERNAL_ERROR")
        case HTTPException(code=int(status)):
            return FRAMEWORK.get(status, by_class(status))
        case _:
            return "INTERNAL_ERROR"


def by_class(status: int) -> str:
    return "VALIDATION_ERROR" if 400 <= status < 500 else "INTERNAL_ERROR"  # noqa: PLR2004 - 4xx


def status_of(error: Exception, code: str) -> int:
    """What Flask says itself (a 416, say) stays as it is."""
    if isinstance(error, HTTPException) and not isinstance(error, CSRFError) and error.code:
        return error.code
    return KINDS[code].status


def wait_of(error: Exception) -> timedelta | None:
    if isinstance(error, StoreAway):
        return PAUSE
    return getattr(error, "retry_after", None) if is_ours(error) else None


def is_ours(error: Exception) -> bool:
    return isinstance(error, CoreError | PlatformError)
