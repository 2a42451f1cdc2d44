"""What Meta's error codes mean: our error, who has to act, what happens next, and a sentence.

The general codes of the Graph API are here, those of publishing in `publishing_errors`. Only code
and subcode decide: the type `OAuthException` is on almost every error, and messages are localised.

Source: Meta, Graph API "Error handling", read 2026-11-22, and observations of public clients where
Meta is silent.
"""

from collections.abc import Mapping
from datetime import timedelta

from platforms.base import Actor, FailureReason
from platforms.errors import (
    AppRefused,
    NotReadable,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Revoked,
    TokenExpired,
    Unavailable,
)
from platforms.instagram.error_meaning import FollowUp, Meaning, MeaningTable, VendorCode
from platforms.instagram.publishing_errors import PUBLISHING_MEANINGS, SUBCODE_MEANINGS

RATE_LIMIT_WAIT = timedelta(minutes=15)  # without a time to regain access; the windows are longer
BLOCKED_WAIT = timedelta(hours=12)  # Meta does not say how long a block for policy lasts
PERMISSION_CODES = range(200, 300)
LIMIT_CODES = range(80000, 80015)  # of the limits of all business use cases

TOKEN_INVALID = Meaning(
    "token_invalid",
    TokenExpired,
    FollowUp.RECONNECT,
    Actor.CREATOR,
    "Instagram no longer accepts this connection. Connect the account again.",
)
PERMISSION_MISSING = Meaning(
    "permission_missing",
    Rejected,
    FollowUp.RECONNECT,
    Actor.CREATOR,
    "The account did not grant the permission for this, or has withdrawn it."
    " Connect it again and leave the permission ticked.",
)
RATE_LIMITED = Meaning(
    "rate_limit_exceeded",
    RateLimited,
    FollowUp.WAIT,
    Actor.NOBODY,
    "Instagram limits the number of calls. It resumes automatically.",
    RATE_LIMIT_WAIT,
)
SERVER_ERROR = Meaning(
    "server_error",
    Unavailable,
    FollowUp.RETRY,
    Actor.NOBODY,
    "Instagram reported an internal error. It is tried again automatically.",
)
INVALID_PARAMETER = Meaning(
    "invalid_parameter",
    Rejected,
    FollowUp.NEVER,
    Actor.OPERATOR,
    "Instagram does not accept one of the values of this request.",
)
NOT_READABLE = Meaning(
    "not_readable",
    NotReadable,
    FollowUp.RETRY,
    Actor.NOBODY,
    "Instagram does not show this object. It was deleted, or the connection may not see it.",
)
UNKNOWN_PATH = Meaning(
    "unknown_path",
    Rejected,
    FollowUp.NEVER,
    Actor.OPERATOR,
    "Instagram does not know this address or this version of its interface.",
)
CODE_INVALID = Meaning(
    "invalid_grant",
    Revoked,
    FollowUp.RECONNECT,
    Actor.CREATOR,
    "The sign-in took too long or was used twice. Start the connection again.",
)
REDIRECT_URI_MISMATCH = Meaning(
    "redirect_uri_mismatch",
    Rejected,
    FollowUp.PERSON,
    Actor.OPERATOR,
    "The redirect address of this application is not the one that is registered at Meta.",
)
APP_REFUSED = Meaning(
    "invalid_credentials",
    AppRefused,
    FollowUp.PERSON,
    Actor.OPERATOR,
    "Meta does not accept the id or the secret of this application.",
)
REFUSED = Meaning(
    "platform_refused",
    Rejected,
    FollowUp.NEVER,
    Actor.CREATOR,
    "Instagram refused the request for a reason that is not documented.",
)


def token_meaning(code: str, sentence: str) -> Meaning:
    return Meaning(code, TokenExpired, FollowUp.RECONNECT, Actor.CREATOR, sentence)


TOKEN_MEANINGS: Mapping[int | None, Meaning] = {
    None: TOKEN_INVALID,
    458: token_meaning(
        "app_removed",
        "The account has removed this application. Connect the account again.",
    ),
    459: token_meaning(
        "user_checkpointed",
        "Meta wants the person to sign in at facebook.com first. Do that, then connect again.",
    ),
    460: token_meaning(
        "password_changed",
        "The password was changed, or the session was ended. Connect the account again.",
    ),
    463: token_meaning("token_expired", "The connection has expired. Connect the account again."),
    464: token_meaning(
        "user_unconfirmed",
        "The Facebook user is not confirmed. Confirm it at facebook.com, then connect again.",
    ),
    467: token_meaning("session_ended", "The person has signed out. Connect the account again."),
    492: token_meaning(
        "page_role_lost",
        "The person no longer has a role on the account's Facebook Page."
        " Restore the role, or connect again as somebody who has one.",
    ),
    # observed; not in Meta's table
    493: token_meaning(
        "data_access_expired",
        "The access to the account's data ended after 90 days without a visit. Connect it again.",
    ),
}
TOKEN_CODES = (102, 190)

GENERAL_MEANINGS: MeaningTable = {
    (1, None): SERVER_ERROR,
    (2, None): Meaning(
        "platform_unavailable",
        Unavailable,
        FollowUp.RETRY,
        Actor.NOBODY,
        "Instagram is temporarily unavailable. It is tried again automatically.",
    ),
    (3, None): Meaning(
        "capability_missing",
        Rejected,
        FollowUp.PERSON,
        Actor.OPERATOR,
        "This application may not use this feature. Its access has to be reviewed by Meta.",
    ),
    (4, None): RATE_LIMITED,
    (10, None): PERMISSION_MISSING,
    (17, None): RATE_LIMITED,
    # answered after the comment was made: Meta cannot return the fields that were asked for
    (20, 1772107): Meaning(
        "done_without_answer",
        OutcomeUnknown,
        FollowUp.RECONCILE,
        Actor.NOBODY,
        "Instagram carried out the request and could not answer it.",
    ),
    (32, None): RATE_LIMITED,
    (100, None): INVALID_PARAMETER,
    (100, 33): NOT_READABLE,
    # of the exchange of an authorization code; not documented
    (100, 36007): CODE_INVALID,
    (100, 36008): REDIRECT_URI_MISMATCH,
    (100, 36009): CODE_INVALID,
    (101, None): APP_REFUSED,
    (341, None): RATE_LIMITED,
    (368, None): Meaning(
        "blocked_for_policy",
        RateLimited,
        FollowUp.STOP_ACCOUNT,
        Actor.CREATOR,
        "Instagram has blocked this action for a while, because it looked like abuse."
        " Open the Instagram app and follow what it says.",
        BLOCKED_WAIT,
    ),
    (506, None): Meaning(
        "duplicate_post",
        Rejected,
        FollowUp.NEVER,
        Actor.CREATOR,
        "Instagram refused the post as a repetition of an earlier one. Change its text.",
    ),
    (613, None): RATE_LIMITED,
    (2500, None): UNKNOWN_PATH,
    (80001, None): RATE_LIMITED,
    (80002, None): RATE_LIMITED,
    (80006, None): RATE_LIMITED,
    (1609005, None): Meaning(
        "link_unreadable",
        Rejected,
        FollowUp.PERSON,
        Actor.CREATOR,
        "Instagram could not read a link of the post. Check that it opens in a browser.",
    ),
    **{
        (code, subcode): meaning
        for code in TOKEN_CODES
        for subcode, meaning in TOKEN_MEANINGS.items()
    },
}
FLAT_MEANINGS: Mapping[str, Meaning] = {
    "platform app": APP_REFUSED,
    "client": APP_REFUSED,
    "redirect_uri": REDIRECT_URI_MISMATCH,
}
"""Parts of messages of api.instagram.com, which has no codes: every error is 400. Observed."""

ENDPOINT_MEANINGS: Mapping[str, MeaningTable] = {
    # a wrong secret is answered with the code of an unknown error; observed
    "fb_code_exchange": {(1, None): APP_REFUSED, (100, None): CODE_INVALID},
    "fb_exchange_token": {(1, None): APP_REFUSED},
    "ig_exchange_token": {(1, None): APP_REFUSED},
    # the token that makes this call is the app's own
    "debug_token": {(1, None): APP_REFUSED, (190, None): APP_REFUSED},
}
"""Codes that mean something else at one endpoint."""

ERROR_CATALOGUE: MeaningTable = {**GENERAL_MEANINGS, **PUBLISHING_MEANINGS}
FALLBACK_MEANINGS = (SERVER_ERROR, REFUSED, PERMISSION_MISSING, REDIRECT_URI_MISMATCH, CODE_INVALID)


def find_meaning(
    vendor_code: VendorCode, endpoint: str = "", *, is_transient: bool = False
) -> Meaning | None:
    """Return the row of a code; None if there is none and nothing says that it will pass.

    A row of code and subcode wins; subcodes of publishing mean the same beside any code.
    `is_transient` wins over a refusal of the code as a whole.
    """
    code, subcode = vendor_code
    if subcode is not None:
        exact = ERROR_CATALOGUE.get(vendor_code) or SUBCODE_MEANINGS.get(subcode)
        if exact is not None:
            return exact
    general = ERROR_CATALOGUE.get((code, None))
    if general is None and code in PERMISSION_CODES:
        general = PERMISSION_MISSING
    elif general is None and code in LIMIT_CODES:
        general = RATE_LIMITED
    if not is_transient:
        general = ENDPOINT_MEANINGS.get(endpoint, {}).get((code, None), general)
    elif general is None or issubclass(general.kind, Rejected):
        return SERVER_ERROR
    return general


def find_flat_meaning(message: str) -> Meaning:
    """Return what an error of api.instagram.com means: mostly a code that cannot be exchanged."""
    text = message.lower()
    return next((meaning for part, meaning in FLAT_MEANINGS.items() if part in text), CODE_INVALID)


def failure_reasons() -> dict[str, FailureReason]:
    """Return sentence and actor by our code, for pages and texts."""
    meanings = (*ERROR_CATALOGUE.values(), *FLAT_MEANINGS.values(), *FALLBACK_MEANINGS)
    return {meaning.code: FailureReason(meaning.sentence, meaning.who) for meaning in meanings}
