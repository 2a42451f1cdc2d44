"""Who a token is: `/me`, Pages and accounts as nodes, lists of Pages, permissions."""

from collections.abc import Callable, Mapping
from typing import Any

from platforms.sandbox.instagram.access import GraphCaller, find_account, find_page, read_params
from platforms.sandbox.instagram.fields import FieldSpec, parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import missing_permission, object_missing
from platforms.sandbox.instagram.mentions import expand_comment, expand_media
from platforms.sandbox.instagram.people import IgAccount, Page
from platforms.sandbox.instagram.state import current_instagram
from platforms.sandbox.instagram.tokens import PAGE, SYSTEM_USER

PROFILE_FIELDS = (
    *("id", "username", "name", "biography", "website", "profile_picture_url"),
    *("followers_count", "follows_count", "media_count"),
)
ACCOUNT_FIELDS = {
    "facebook": frozenset((*PROFILE_FIELDS, "ig_id", "has_profile_pic", "is_published")),
    "instagram": frozenset((*PROFILE_FIELDS, "user_id", "account_type")),
}
"""Login → fields of an account. Source: facebook-python-business-sdk v25.0.2, read 2026-11-22."""

PAGE_FIELDS = frozenset(
    {
        *("id", "name", "access_token", "tasks", "category", "category_list", "about", "link"),
        *("instagram_business_account", "connected_instagram_account", "picture", "username"),
        *("business", "fan_count", "followers_count", "is_published"),
    }
)
"""Fields of a Page. Those that are not in `page_node` have no value here."""

PERSON_FIELDS = frozenset(("id", "name", "client_business_id", "email", "picture"))
AccountEdge = Callable[[GraphCaller, IgAccount, FieldSpec], Any]
ACCOUNT_EDGES: Mapping[str, AccountEdge] = {
    "mentioned_comment": expand_comment,
    "mentioned_media": expand_media,
}
"""Edges and functions that `fields` of an account may expand, on both hosts."""


def read_me(caller: GraphCaller, node_id: str) -> dict[str, Any]:
    """Answer for the token's own person, Page or account. Errors: GraphError 100."""
    if caller.is_instagram:
        return read_account_node(caller, node_id)
    if caller.kind == PAGE and node_id == "me":
        return read_page_node(caller, node_id)
    if caller.person is None or node_id not in {"me", caller.person.id}:
        raise object_missing(node_id)
    node: dict[str, Any] = {"id": caller.person.id, "name": caller.person.name}
    if caller.kind == SYSTEM_USER and caller.grant is not None:
        node["client_business_id"] = caller.grant.client_business_id
    specs = requested_fields("id,name")
    return select_fields(node, specs, PERSON_FIELDS, node_type="User")


def read_page_node(caller: GraphCaller, page_id: str) -> dict[str, Any]:
    """Answer for a Page that was ticked, also for one that `/me/accounts` does not list."""
    page = find_page(caller, page_id)
    if not (caller.has_scopes("pages_show_list") or caller.has_scopes("pages_read_engagement")):
        raise missing_permission()
    specs = requested_fields("id,name")
    return select_fields(page_node(caller, page), specs, PAGE_FIELDS, node_type="Page")


def read_account_node(caller: GraphCaller, ig_id: str) -> dict[str, Any]:
    account = find_account(caller, ig_id)
    caller.require_feature("basic")
    return select_account(caller, account, requested_fields("id"))


def requested_fields(default: str) -> list[FieldSpec]:
    return parse_fields(read_params().get("fields") or default)


def select_account(
    caller: GraphCaller, account: IgAccount, specs: list[FieldSpec]
) -> dict[str, Any]:
    """Return the requested fields of an account, those of this login only."""
    node = account_node(caller, account)
    for name, expand in ACCOUNT_EDGES.items():
        node[name] = lambda spec, expand=expand: expand(caller, account, spec)
    allowed = ACCOUNT_FIELDS[caller.flavour].union(ACCOUNT_EDGES)
    return select_fields(node, specs, allowed, node_type="IGUser")


def account_node(caller: GraphCaller, account: IgAccount) -> dict[str, Any]:
    """Return all fields. `id` is the app-scoped id in an Instagram Login, as in no webhook."""
    node: dict[str, Any] = {
        "id": account.id,
        "username": account.username,
        "name": account.name,
        "profile_picture_url": account.profile_picture_url,
        "biography": account.biography or None,
        "website": account.website or None,
        "followers_count": account.followers_count,
        "follows_count": account.follows_count,
        "media_count": count_media(account),
        "ig_id": int(account.id[-10:]),
        "has_profile_pic": True,
        "is_published": True,
    }
    if caller.is_instagram:
        node |= {
            "id": account.app_scoped_id,
            "user_id": account.id,
            "account_type": account.account_type,
        }
    return node


def count_media(account: IgAccount) -> int:
    """Count published posts; stories are no part of the profile's figure."""
    return sum(
        1
        for media in current_instagram().media.values()
        if media.account_id == account.id and media.media_product_type != "STORY"
    )


def page_node(caller: GraphCaller, page: Page) -> dict[str, Any]:
    """Return all fields of a Page; the account only if it was ticked and may be read."""
    state, grant = current_instagram(), caller.grant
    node: dict[str, Any] = {
        "id": page.id,
        "name": page.name,
        "category": page.category,
        "category_list": [{"id": "1605186416478696", "name": page.category}],
        "tasks": list(page_tasks(caller, page)),
        "access_token": page_access_token(caller, page),
        "link": f"https://www.facebook.com/{page.id}",
        "is_published": True,
    }
    business = state.businesses.get(page.business_id or "")
    if business is not None and caller.has_scopes("business_management"):
        node["business"] = {"id": business.id, "name": business.name}
    account = state.accounts.get(page.account_id or "")
    is_ticked = account is not None and grant is not None and account.id in grant.account_ids
    if account is not None and is_ticked and caller.has_scopes("instagram_basic"):

        def expand_account(spec: FieldSpec) -> dict[str, Any]:
            specs = list(spec.children or ()) or [FieldSpec("id")]
            return select_account(caller, account, specs)

        node["instagram_business_account"] = expand_account
    return node


def page_tasks(caller: GraphCaller, page: Page) -> tuple[str, ...]:
    if caller.person is not None and caller.person.id in page.tasks:
        return page.tasks[caller.person.id]
    return tuple(dict.fromkeys(task for tasks in page.tasks.values() for task in tasks))


def page_access_token(caller: GraphCaller, page: Page) -> str | None:
    """Return the Page's own token. A Page token gives itself."""
    state = current_instagram()
    if caller.token is None:
        return None
    if caller.kind == PAGE:
        return caller.token.value
    return state.tokens.page_token(caller.token, page.id, now=state.now).value
