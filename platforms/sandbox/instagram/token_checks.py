"""Says whether a token works, and with which error it does not.

Source: Meta, access token errors and debug_token, read 2026-11-22; messages as observed.
"""

import time

from platforms.sandbox.instagram.graph_errors import GraphError, dead_token
from platforms.sandbox.instagram.state import InstagramState
from platforms.sandbox.instagram.tokens import INSTAGRAM_USER, PAGE, MetaGrant, MetaToken

REMOVED, CHECKPOINTED, CHANGED, EXPIRED, UNCONFIRMED, LOGGED_OUT, LOST_ROLE, INACTIVE = (
    458,
    459,
    460,
    463,
    464,
    467,
    492,
    493,
)
DEATH_MESSAGES = {
    REMOVED: "The user has not authorized application.",
    CHECKPOINTED: "You cannot access the app till you log in to www.facebook.com and follow the "
    "instructions given.",
    CHANGED: "The session has been invalidated because the user changed their password or Facebook "
    "has changed the session for security reasons.",
    UNCONFIRMED: "Sessions for the user are not allowed because the user is not a confirmed user.",
    LOGGED_OUT: "The session is invalid because the user logged out.",
    LOST_ROLE: "The user must be an administrator, editor, or moderator of the page in order to "
    "impersonate it.",
    INACTIVE: "Data access has expired.",
}
DEATH_SUBCODES = (*DEATH_MESSAGES, EXPIRED)
MESSAGE_PREFIX = "Error validating access token: "
UNREADABLE_MESSAGE = "Invalid OAuth access token - Cannot parse access token"
UNAUTHORIZED = 401  # measured at graph.instagram.com on 2026-09-30; elsewhere the status is 400


def require_living_token(state: InstagramState, value: str, *, is_instagram: bool) -> MetaToken:
    """Return the token. Errors: GraphError 190 if this host cannot read it, or if it is dead."""
    token = state.tokens.find_token(value)
    if token is None or (token.kind == INSTAGRAM_USER) != is_instagram:
        raise dead_token(UNREADABLE_MESSAGE, status=UNAUTHORIZED if is_instagram else 400)
    error = find_death(state, token)
    if error is not None:
        raise error
    return token


def find_death(state: InstagramState, token: MetaToken) -> GraphError | None:
    """Return the error of a dead token; None if it works."""
    grant = state.tokens.grants[token.grant_key]
    subcode = find_dead_subcode(state, token, grant)
    if subcode is None:
        return None
    if subcode == EXPIRED:
        return dead_token(MESSAGE_PREFIX + expiry_message(state, token), EXPIRED)
    return dead_token(MESSAGE_PREFIX + DEATH_MESSAGES[subcode], subcode)


def find_dead_subcode(state: InstagramState, token: MetaToken, grant: MetaGrant) -> int | None:
    if token.dead_subcode is not None:
        return token.dead_subcode
    if grant.is_revoked:
        return REMOVED
    parent = state.tokens.find_token(token.parent) if token.parent else None
    if parent is not None and parent.dead_subcode not in {None, EXPIRED}:
        return parent.dead_subcode
    if token.kind == PAGE and not has_page_role(state, token, grant):
        return LOST_ROLE
    if token.expires_at is not None and token.expires_at <= state.now:
        return EXPIRED
    return None


def has_page_role(state: InstagramState, token: MetaToken, grant: MetaGrant) -> bool:
    """Return whether the Page is still ticked in the grant and the person still has a role on it.

    A Page that is unticked when the person authorises again loses its token, the login does not.
    """
    page = state.pages.get(token.page_id or "")
    if page is None or page.id not in grant.page_ids:
        return False
    return grant.is_system_user or (grant.person_id or "") in page.tasks


def expiry_message(state: InstagramState, token: MetaToken) -> str:
    ended_at = state.now if token.expires_at is None else min(token.expires_at, state.now)
    ended, now = format_time(ended_at), format_time(state.now)
    return f"Session has expired on {ended}. The current time is {now}."


def format_time(seconds: float) -> str:
    return time.strftime("%A, %d-%b-%y %H:%M:%S UTC", time.gmtime(seconds))
