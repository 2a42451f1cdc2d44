"""TikTok's error codes in our words, as two tables. Must not know how an answer is written.

Source: TikTok, tiktok-api-v2-error-handling, oauth-error-handling and the error lists of the
Content Posting API, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from platforms.bodies import MAX_NAME, fit
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
from platforms.http import Reply

log = structlog.get_logger(__name__)

LONGEST_MESSAGE = 300
UNAUTHORIZED = 401
WINDOW = timedelta(minutes=1)  # over which TikTok counts calls; it sends no Retry-After
QUOTA = timedelta(hours=1)  # daily caps roll: a slot may be free long before the day is over


@dataclass(frozen=True)
class Meaning:
    kind: type[PlatformError]
    code: str = ""  # ours, where it differs from TikTok's
    wait: timedelta = NO_WAIT


Meanings = Mapping[str, Meaning]

DATA: Meanings = {
    "access_token_invalid": Meaning(TokenExpired),
    "scope_not_authorized": Meaning(Rejected),
    "scope_permission_missed": Meaning(Rejected),
    "rate_limit_exceeded": Meaning(RateLimited, wait=WINDOW),
    "internal_error": Meaning(Unavailable, "server_error"),  # before or after the work? not said
    "invalid_param": Meaning(Rejected),
    "invalid_params": Meaning(Rejected, "invalid_param"),
    "invalid_file_upload": Meaning(Rejected),
    "app_version_check_failed": Meaning(Rejected),
    "invalid_publish_id": Meaning(Rejected),
    "token_not_authorized_for_specified_publish_id": Meaning(Rejected),
    "publish_not_cancellable": Meaning(Rejected),
    "url_ownership_unverified": Meaning(Rejected),
    "privacy_level_option_mismatch": Meaning(Rejected),
    "unaudited_client_can_only_post_to_private_accounts": Meaning(Rejected),
    "spam_risk_user_banned_from_posting": Meaning(Rejected),
    "spam_risk_too_many_pending_share": Meaning(RateLimited, wait=QUOTA),
    "spam_risk_too_many_posts": Meaning(RateLimited, wait=QUOTA),
    "reached_active_user_cap": Meaning(RateLimited, wait=QUOTA),  # the app's, not the account's
}
OAUTH: Meanings = {
    "access_denied": Meaning(Rejected),
    "invalid_client": Meaning(AppRefused, "invalid_credentials"),
    "invalid_grant": Meaning(Revoked),
    "invalid_request": Meaning(Rejected),
    "invalid_scope": Meaning(Rejected),
    "invalid_token": Meaning(Revoked, "invalid_grant"),
    "server_error": Meaning(Unavailable),
    "temporarily_unavailable": Meaning(Unavailable),
    "unauthorized_client": Meaning(AppRefused, "invalid_credentials"),
    "unsupported_grant_type": Meaning(Rejected),
    "unsupported_response_type": Meaning(Rejected),
}
IN_MESSAGE = ("invalid_publish_id",)  # also seen as the message of `invalid_params`


@dataclass(frozen=True)
class Refusal:
    """What TikTok said when it refused, in whatever form."""

    code: str
    message: str
    log_id: str | None


def error(refusal: Refusal, reply: Reply, meanings: Meanings, *, endpoint: str) -> PlatformError:
    """The error of ours for a refusal, logged; a code that no page names is judged by status."""
    log.warning(
        "tiktok.refused",
        endpoint=endpoint,
        status=reply.status,
        code=fit(refusal.code, MAX_NAME),
        log_id=refusal.log_id,
    )
    code = next((one for one in IN_MESSAGE if one in refusal.message), refusal.code)
    meaning = meanings.get(code) or Meaning(by_status(reply))
    found = meaning.kind(
        refusal.message[:LONGEST_MESSAGE],
        code=meaning.code or fit(code, MAX_NAME),
        retry_after=max(meaning.wait, reply.retry_after),
        log_id=refusal.log_id,
    )
    found.after_fault = reply.after_fault
    return found


def by_status(reply: Reply) -> type[PlatformError]:
    fault = reply.fault()
    if fault is not None:
        return type(fault)
    return TokenExpired if reply.status == UNAUTHORIZED else Rejected
