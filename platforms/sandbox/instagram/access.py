"""Who makes a Graph call: reads token, proof, version and parameters, and finds the account.

Source: Meta, access tokens, secure requests (appsecret_proof), Instagram platform overview, read
2026-11-22.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flask import request

from platforms.sandbox.instagram.graph_errors import (
    NO_TOKEN_CODE,
    PERMISSION_CODE,
    GraphError,
    invalid_parameter,
    missing_permission,
    object_missing,
)
from platforms.sandbox.instagram.people import IgAccount, Page, Person
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.token_checks import require_living_token
from platforms.sandbox.instagram.tokens import (
    APP,
    FACEBOOK,
    INSTAGRAM,
    PAGE,
    MetaGrant,
    MetaToken,
)
from platforms.sandbox.instagram.versions import check_removed_features, check_version
from platforms.sandbox.request_log import ENTRY_KEY

INSTAGRAM_PREFIXES = ("/instagram-graph/", "/instagram-api/", "/instagram-auth/")
NOT_PARAMS = frozenset({"access_token", "appsecret_proof"})
NO_TOKEN_MESSAGE = (
    "An active access token must be used to query information about the current user."  # noqa: S105 - Meta's message, no secret
)
FEATURE_PERMISSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "basic": {FACEBOOK: ("instagram_basic",), INSTAGRAM: ("instagram_business_basic",)},
    "publish": {
        FACEBOOK: ("instagram_basic", "instagram_content_publish", "pages_read_engagement"),
        INSTAGRAM: ("instagram_business_basic", "instagram_business_content_publish"),
    },
    "comments": {
        FACEBOOK: ("instagram_basic", "instagram_manage_comments", "pages_read_engagement"),
        INSTAGRAM: ("instagram_business_basic", "instagram_business_manage_comments"),
    },
    "insights": {
        FACEBOOK: ("instagram_basic", "instagram_manage_insights", "pages_read_engagement"),
        INSTAGRAM: ("instagram_business_basic", "instagram_business_manage_insights"),
    },
    "messages": {
        FACEBOOK: ("instagram_basic", "instagram_manage_messages"),
        INSTAGRAM: ("instagram_business_basic", "instagram_business_manage_messages"),
    },
    "delete": {FACEBOOK: ("instagram_basic", "instagram_manage_contents")},
}
"""Feature → login → the permissions that its calls need."""


@dataclass(frozen=True)
class GraphCaller:
    """Who a token speaks for. `kind` is that of debug_token: USER, PAGE, SYSTEM_USER, APP, …"""

    kind: str
    flavour: str
    person: Person | None = None
    page: Page | None = None
    account: IgAccount | None = None
    scopes: frozenset[str] = frozenset()
    grant: MetaGrant | None = None
    token: MetaToken | None = field(default=None, repr=False)

    @property
    def is_instagram(self) -> bool:
        return self.flavour == INSTAGRAM

    def has_scopes(self, *permissions: str) -> bool:
        return self.scopes.issuperset(permissions)

    def require(self, *permissions: str, code: int = PERMISSION_CODE) -> None:
        """Errors: GraphError 10, or 200 with status 403, unless all are granted."""
        if not self.has_scopes(*permissions):
            raise missing_permission(code)

    def require_feature(self, feature: str, *, code: int = PERMISSION_CODE) -> None:
        """Require the permissions of a feature; one that this login lacks is refused."""
        permissions = FEATURE_PERMISSIONS[feature].get(self.flavour)
        if permissions is None:
            raise missing_permission(code)
        self.require(*permissions, code=code)


def is_instagram_request() -> bool:
    return request.path.startswith(INSTAGRAM_PREFIXES)


def authenticate_call() -> GraphCaller:
    """Return who makes this call. Errors: GraphError 190, 100 (proof), 2500 (version, no token)."""
    state, is_instagram = current_instagram(), is_instagram_request()
    version = (request.view_args or {}).get("version")
    if version is not None:
        check_version(version, now=state.now, is_instagram=is_instagram)
    value = read_token()
    if not value:
        raise GraphError(NO_TOKEN_MESSAGE, NO_TOKEN_CODE)
    flavour = INSTAGRAM if is_instagram else FACEBOOK
    app = state.find_app(flavour)
    if hmac.compare_digest(value.encode(), f"{app.id}|{app.secret}".encode()):
        return GraphCaller(APP, flavour)
    check_proof(state, value, app.secret, is_instagram=is_instagram)
    token = require_living_token(state, value, is_instagram=is_instagram)
    caller = find_caller(state, token)
    note_caller(caller)
    return caller


def read_token() -> str:
    """Return the token of the header, or else of the query, the form or the JSON body."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme in {"Bearer", "OAuth"} and value:
        return value.strip()
    return str(collect_params().get("access_token", ""))


def check_proof(state: InstagramState, token: str, secret: str, *, is_instagram: bool) -> None:
    """Errors: GraphError 100 for a wrong proof, and for none if the app requires one."""
    proof = collect_params().get("appsecret_proof")
    if proof is None:
        if state.settings.require_appsecret_proof and not is_instagram:
            raise GraphError("API calls from the server require an appsecret_proof argument", 100)
        return
    expected = hmac.new(secret.encode(), token.encode(), sha256).hexdigest()
    if not hmac.compare_digest(str(proof).encode(), expected.encode()):
        raise GraphError("Invalid appsecret_proof provided in the API argument", 100)


def find_caller(state: InstagramState, token: MetaToken) -> GraphCaller:
    """Return whom the token speaks for; what the Page's tasks do not allow is no permission."""
    grant = state.tokens.grants[token.grant_key]
    page = state.pages.get(token.page_id or "")
    scopes = frozenset(grant.scopes)
    if page is not None and not grant.is_system_user:
        person_id = grant.person_id or ""
        scopes = frozenset(each for each in scopes if page.allows_permission(each, person_id))
    return GraphCaller(
        token.kind,
        grant.flavour,
        person=state.people.get(grant.person_id or ""),
        page=page,
        account=state.accounts.get(grant.account_id or ""),
        scopes=scopes,
        grant=grant,
        token=token,
    )


def note_caller(caller: GraphCaller) -> None:
    entry = request.environ.get(ENTRY_KEY)
    if entry is not None:
        entry.update(
            kind=caller.kind,
            person_id=caller.person.id if caller.person else None,
            page_id=caller.page.id if caller.page else None,
            account_id=caller.account.id if caller.account else None,
        )


def find_account(caller: GraphCaller, ig_id: str) -> IgAccount:
    """Return an account that the caller may see. Errors: GraphError 100/33."""
    state = current_instagram()
    if caller.is_instagram:
        if caller.account is not None and ig_id in {"me", caller.account.id}:
            return caller.account
        raise object_missing(ig_id)
    account = state.accounts.get(ig_id)
    if account is None or not can_see_account(caller, account):
        raise object_missing(ig_id)
    return account


def can_see_account(caller: GraphCaller, account: IgAccount) -> bool:
    """Return whether the account was ticked, and belongs to the Page of a Page token."""
    if caller.grant is None or account.id not in caller.grant.account_ids:
        return False
    if caller.kind == PAGE:
        return caller.page is not None and caller.page.account_id == account.id
    return account.page_id in caller.grant.page_ids


def find_page(caller: GraphCaller, page_id: str) -> Page:
    """Return a Page that was ticked, or the token's own as `me`. Errors: GraphError 100/33."""
    if caller.kind == PAGE and caller.page is not None and page_id in {"me", caller.page.id}:
        return caller.page
    page = current_instagram().pages.get(page_id)
    is_visible = page is not None and caller.grant is not None and page_id in caller.grant.page_ids
    has_role = caller.kind != PAGE and (
        caller.grant is not None
        and page is not None
        and (caller.grant.is_system_user or (caller.grant.person_id or "") in page.tasks)
    )
    if page is None or not is_visible or not has_role:
        raise object_missing(page_id)
    return page


def read_params() -> dict[str, Any]:
    """Return the parameters of query and body, without the token.

    Scalars are texts, lists and objects of a JSON body stay as they are. Errors: GraphError 100 for
    protocol features that Meta has removed.
    """
    params = collect_params()
    check_removed_features(
        params, str(params.get("fields", "")), request.headers.get("If-None-Match")
    )
    return {name: value for name, value in params.items() if name not in NOT_PARAMS}


def collect_params() -> dict[str, Any]:
    params: dict[str, Any] = dict(request.args.items())
    if request.mimetype == "application/json" and request.get_data():
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise invalid_parameter("The request body is not a JSON object")
        params |= {name: as_param(value) for name, value in body.items() if value is not None}
    elif request.method != "GET":
        params |= dict(request.form.items())
    return params


def as_param(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, list | dict) else str(value)


def read_json_param(params: Mapping[str, Any], name: str) -> Any:
    """Return a parameter that is a list or an object, also if it came as JSON in a text.

    None if it is absent. Errors: GraphError 100 if the text is not JSON.
    """
    value = params.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise invalid_parameter(f"Param {name} must be a valid JSON value") from None


def read_list_param(params: Mapping[str, Any], name: str) -> list[str]:
    """Return a parameter that is a list, a JSON list in a text, or a comma list, as texts."""
    value = params.get(name)
    if isinstance(value, str):
        is_json = value.lstrip().startswith("[")
        value = read_json_param(params, name) if is_json else value.split(",")
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [str(item).strip() for item in items if str(item).strip()]


def read_flag_param(params: Mapping[str, Any], name: str) -> bool | None:
    """Return a parameter that is a flag; None if it is absent. Errors: GraphError 100."""
    value = params.get(name)
    if value is None:
        return None
    if str(value).lower() not in {"true", "false", "1", "0"}:
        raise invalid_parameter(f"Param {name} must be a boolean")
    return str(value).lower() in {"true", "1"}
