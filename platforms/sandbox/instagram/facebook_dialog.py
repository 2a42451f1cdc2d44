"""The consent page of Facebook Login, on which a person ticks Pages, accounts and permissions.

Source: Meta, manual login flow and Facebook Login for Business, read 2026-11-22.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
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
from platforms.sandbox.instagram.people import Business, Person
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.tokens import FACEBOOK, MetaGrant
from platforms.sandbox.instagram.versions import check_version

routes = Blueprint("facebook_dialog", __name__)

DIALOG_PATH = "/meta-auth/<version>/dialog/oauth"
PUBLIC_PROFILE = "public_profile"  # always granted
FACEBOOK_SCOPES = (
    PUBLIC_PROFILE,
    *("email", "business_management", "ads_management", "ads_read"),
    *("instagram_basic", "instagram_content_publish", "instagram_manage_comments"),
    *("instagram_manage_insights", "instagram_manage_messages", "instagram_manage_contents"),
    *("instagram_manage_engagement", "pages_show_list", "pages_read_engagement"),
    *("pages_manage_metadata", "pages_manage_posts", "pages_messaging", "read_insights"),
)
KNOWN_PARAMS = frozenset(
    {
        *("client_id", "redirect_uri", "state", "scope", "config_id", "response_type"),
        *("auth_type", "display", "override_default_response_type", "extras"),
    }
)


def read_dialog(state: InstagramState, params: Mapping[str, str]) -> DialogRequest:
    """Return the request. With `config_id` the configuration decides the permissions."""
    config_id = params.get("config_id", "")
    configuration = state.configurations.get(config_id)
    scopes = configuration.scopes if configuration else split_scopes(params.get("scope", ""))
    return DialogRequest(
        params.get("client_id", ""),
        params.get("redirect_uri", ""),
        tuple(dict.fromkeys((PUBLIC_PROFILE, *filter(None, scopes)))),
        params.get("response_type", "code"),
        params.get("state"),
        config_id,
        frozenset(params),
    )


def find_invalid(state: InstagramState, dialog_request: DialogRequest) -> list[str]:
    unknown = sorted(dialog_request.names - KNOWN_PARAMS) if state.settings.strict_params else []
    checks = {
        "client_id": dialog_request.client_id == state.facebook_app.id,
        "redirect_uri": dialog_request.redirect_uri in state.redirect_uris,
        "response_type": dialog_request.response_type == "code",
        "scope": set(dialog_request.scopes) <= set(FACEBOOK_SCOPES),
        "config_id": not dialog_request.config_id
        or dialog_request.config_id in state.configurations,
    }
    return [name for name, is_valid in checks.items() if not is_valid] + unknown


def make_grant(
    state: InstagramState, dialog_request: DialogRequest, choice: ConsentChoice
) -> MetaGrant | None:
    """Return the grant: it replaces the person's earlier one, so what is unticked is withdrawn."""
    person = state.people.get(choice.login)
    if person is None or person.is_system_user:
        return None
    ticked = {PUBLIC_PROFILE, *choice.scopes}
    page_ids = tuple(page_id for page_id in person.page_ids if page_id in choice.page_ids)
    grant = MetaGrant(
        f"{FACEBOOK}:{person.id}",
        FACEBOOK,
        tuple(scope for scope in dialog_request.scopes if scope in ticked),
        tuple(scope for scope in dialog_request.scopes if scope not in ticked),
        person_id=person.id,
        page_ids=page_ids,
        account_ids=tuple(
            account_id
            for account_id in accounts_behind(state, person.page_ids)
            if account_id in choice.account_ids
        ),
    )
    configuration = state.configurations.get(dialog_request.config_id)
    is_for_system_user = configuration is not None and configuration.is_for_system_user
    return grant_system_user(state, person, grant) if is_for_system_user else grant


def grant_system_user(state: InstagramState, person: Person, grant: MetaGrant) -> MetaGrant:
    """Return the grant of the portfolio's business integration system user."""
    business = find_business(state, person)
    if not business.system_user_id:
        business.system_user_id = state.new_id("1222")
        state.people[business.system_user_id] = Person(
            business.system_user_id, f"{business.name} system user", is_system_user=True
        )
    system_user = state.people[business.system_user_id]
    system_user.page_ids = list(grant.page_ids)
    system_user.business_ids = [business.id]
    return replace(
        grant,
        key=f"{FACEBOOK}:{system_user.id}",
        person_id=system_user.id,
        client_business_id=business.id,
        is_system_user=True,
    )


def find_business(state: InstagramState, person: Person) -> Business:
    """Return the person's portfolio, a new one if there is none."""
    if not person.business_ids:
        business = Business(state.new_id("2333"), f"{person.name}'s portfolio")
        state.businesses[business.id] = business
        person.business_ids.append(business.id)
    return state.businesses[person.business_ids[0]]


def accounts_behind(state: InstagramState, page_ids: Iterable[str]) -> list[str]:
    pages = [state.pages[page_id] for page_id in page_ids if page_id in state.pages]
    return [page.account_id for page in pages if page.account_id]


def page_context(state: InstagramState, _dialog_request: DialogRequest) -> dict[str, Any]:
    people = [person for person in state.people.values() if not person.is_system_user]
    return {
        "people": people,
        "pages": state.pages,
        "accounts": state.accounts,
        "required_scope": PUBLIC_PROFILE,
    }


FACEBOOK_DIALOG = ConsentDialog(
    "facebook_consent.html",
    "#_=_",
    {
        "error": "access_denied",
        "error_code": "200",
        "error_description": "Permissions error",
        "error_reason": "user_denied",
    },
    read_dialog,
    find_invalid,
    make_grant,
    page_context,
)


@routes.get(DIALOG_PATH)
def show_dialog(version: str) -> ConsentView:
    check_dialog_version(version)
    return show_page(current_instagram(), FACEBOOK_DIALOG)


@routes.post(DIALOG_PATH)
def submit_dialog(version: str) -> ConsentView:
    check_dialog_version(version)
    return submit_page(current_instagram(), FACEBOOK_DIALOG)


def check_dialog_version(version: str) -> None:
    check_version(version, now=current_instagram().now, is_instagram=False)
