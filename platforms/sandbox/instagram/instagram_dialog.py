"""The consent page of Instagram Login, on which a person signs in as a professional account.

Source: Meta, Business Login for Instagram, updated 2026-03-13, and the changelog (`force_reauth`
2025-06-14, `enable_fb_login` 2026-02-06), read 2026-11-22.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from platforms.sandbox.instagram.consents import (
    ConsentChoice,
    ConsentDialog,
    ConsentView,
    DialogRequest,
    show_page,
    split_scopes,
    submit_page,
)
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.tokens import INSTAGRAM, MetaGrant

routes = Blueprint("instagram_dialog", __name__)

AUTHORIZE_PATH = "/instagram-auth/oauth/authorize"
BASIC_SCOPE = "instagram_business_basic"  # cannot be unticked
INSTAGRAM_SCOPES = (
    BASIC_SCOPE,
    "instagram_business_content_publish",
    "instagram_business_manage_comments",
    "instagram_business_manage_messages",
    "instagram_business_manage_insights",
)
FLAG_PARAMS = frozenset({"enable_fb_login", "force_reauth"})
KNOWN_PARAMS = FLAG_PARAMS.union(
    ("client_id", "redirect_uri", "response_type", "scope", "state", "logger_id", "platform_app_id")
)
FLAG_VALUES = frozenset({"0", "1", "true", "false"})


def read_dialog(_state: InstagramState, params: Mapping[str, str]) -> DialogRequest:
    return DialogRequest(
        params.get("client_id", ""),
        params.get("redirect_uri", ""),
        split_scopes(params.get("scope", "")),
        params.get("response_type", ""),
        params.get("state"),
        names=frozenset((*params, *(invalid_flag_names(params)))),
    )


def invalid_flag_names(params: Mapping[str, str]) -> list[str]:
    """Return a name that no parameter has for each flag that is no flag."""
    return [
        f"{name} (not a flag)"
        for name in FLAG_PARAMS.intersection(params)
        if params[name].lower() not in FLAG_VALUES
    ]


def find_invalid(state: InstagramState, dialog_request: DialogRequest) -> list[str]:
    """Return the names of invalid parameters. `force_authentication` broke in August 2026."""
    unknown = sorted(dialog_request.names - KNOWN_PARAMS) if state.settings.strict_params else []
    checks = {
        "client_id": dialog_request.client_id == state.instagram_app.id,
        "redirect_uri": dialog_request.redirect_uri in state.redirect_uris,
        "response_type": dialog_request.response_type == "code",
        "scope": BASIC_SCOPE in dialog_request.scopes
        and set(dialog_request.scopes) <= set(INSTAGRAM_SCOPES),
    }
    return [name for name, is_valid in checks.items() if not is_valid] + unknown


def make_grant(
    state: InstagramState, dialog_request: DialogRequest, choice: ConsentChoice
) -> MetaGrant | None:
    account = state.accounts.get(choice.login)
    if account is None:
        return None
    ticked = {BASIC_SCOPE, *choice.scopes}
    return MetaGrant(
        f"{INSTAGRAM}:{account.id}",
        INSTAGRAM,
        tuple(scope for scope in dialog_request.scopes if scope in ticked),
        tuple(scope for scope in dialog_request.scopes if scope not in ticked),
        account_id=account.id,
        account_ids=(account.id,),
    )


def page_context(state: InstagramState, _dialog_request: DialogRequest) -> dict[str, Any]:
    return {"accounts": list(state.accounts.values()), "required_scope": BASIC_SCOPE}


INSTAGRAM_DIALOG = ConsentDialog(
    "instagram_consent.html",
    "#_",
    {
        "error": "access_denied",
        "error_reason": "user_denied",
        "error_description": "The user denied your request",
    },
    read_dialog,
    find_invalid,
    make_grant,
    page_context,
)


@routes.get(AUTHORIZE_PATH)
def show_consent() -> ConsentView:
    return show_page(current_instagram(), INSTAGRAM_DIALOG)


@routes.post(AUTHORIZE_PATH)
def submit_consent() -> ConsentView:
    return submit_page(current_instagram(), INSTAGRAM_DIALOG)
