"""Lists of Pages: `/me/accounts`, portfolios and their Pages.

Source: Meta, user/accounts, business/owned_pages and client_pages, read 2026-11-22. That
`/me/accounts` can lack Pages of a portfolio was reported by several projects.
"""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.instagram.access import GraphCaller, read_params
from platforms.sandbox.instagram.fields import parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import (
    invalid_parameter,
    object_missing,
    unknown_field,
)
from platforms.sandbox.instagram.graph_route import FACEBOOK_HOST, graph_route
from platforms.sandbox.instagram.identity import PAGE_FIELDS, page_node
from platforms.sandbox.instagram.paging import page_of
from platforms.sandbox.instagram.people import Page
from platforms.sandbox.instagram.state import current_instagram
from platforms.sandbox.instagram.tokens import PAGE

routes = Blueprint("instagram_page_lists", __name__)

MAX_PAGES = 100  # per answer
PAGE_LIST_FIELDS = "access_token,category,category_list,name,id,tasks"
BUSINESS_FIELDS = frozenset({"id", "name"})


@graph_route(routes, "GET", "/<person_id>/accounts", hosts=(FACEBOOK_HOST,))
def list_accounts(caller: GraphCaller, person_id: str) -> dict[str, Any]:
    """List the Pages that were ticked. Empty without `pages_show_list`, as observed."""
    require_own_person(caller, person_id)
    kind = current_instagram().settings.me_accounts
    pages = granted_pages(caller) if kind != "empty" else []
    if kind == "partial":
        pages = [page for page in pages if page.business_id is None]
    return list_pages(caller, pages if caller.has_scopes("pages_show_list") else [])


@graph_route(routes, "GET", "/<person_id>/businesses", hosts=(FACEBOOK_HOST,))
def list_businesses(caller: GraphCaller, person_id: str) -> dict[str, Any]:
    require_own_person(caller, person_id)
    require_business_permission(caller)
    state, params = current_instagram(), read_params()
    ids = caller.person.business_ids if caller.person else []
    specs = parse_fields(params.get("fields") or "id,name")
    items = [
        select_fields(
            {"id": item_id, "name": state.businesses[item_id].name}, specs, BUSINESS_FIELDS
        )
        for item_id in ids
    ]
    return page_of(items, params, max_limit=MAX_PAGES, url=request.base_url)


@graph_route(routes, "GET", "/<business_id>/owned_pages", hosts=(FACEBOOK_HOST,))
def list_owned_pages(caller: GraphCaller, business_id: str) -> dict[str, Any]:
    return list_business_pages(caller, business_id, is_client_page=False)


@graph_route(routes, "GET", "/<business_id>/client_pages", hosts=(FACEBOOK_HOST,))
def list_client_pages(caller: GraphCaller, business_id: str) -> dict[str, Any]:
    return list_business_pages(caller, business_id, is_client_page=True)


def list_business_pages(
    caller: GraphCaller, business_id: str, *, is_client_page: bool
) -> dict[str, Any]:
    require_business_permission(caller)
    if caller.person is None or business_id not in caller.person.business_ids:
        raise object_missing(business_id)
    pages = [
        page
        for page in granted_pages(caller)
        if page.business_id == business_id and page.is_client_page == is_client_page
    ]
    return list_pages(caller, pages)


def granted_pages(caller: GraphCaller) -> list[Page]:
    """Return the Pages that were ticked and on which the person still has a role."""
    grant, state = caller.grant, current_instagram()
    if grant is None:
        return []
    pages = [state.pages[page_id] for page_id in grant.page_ids if page_id in state.pages]
    return [page for page in pages if grant.is_system_user or (grant.person_id or "") in page.tasks]


def list_pages(caller: GraphCaller, pages: Iterable[Page]) -> dict[str, Any]:
    params = read_params()
    specs = parse_fields(params.get("fields") or PAGE_LIST_FIELDS)
    items = [
        select_fields(page_node(caller, page), specs, PAGE_FIELDS, node_type="Page")
        for page in pages
    ]
    default_limit = current_instagram().settings.page_size
    return page_of(
        items, params, max_limit=MAX_PAGES, url=request.base_url, default_limit=default_limit
    )


def require_own_person(caller: GraphCaller, person_id: str) -> None:
    """Errors: GraphError 100 for a Page token, and for another person."""
    if caller.kind == PAGE:
        raise unknown_field(request.path.rpartition("/")[2], "Page")
    if caller.person is None or person_id not in {"me", caller.person.id}:
        raise object_missing(person_id)


def require_business_permission(caller: GraphCaller) -> None:
    """Errors: GraphError 100, which several projects got without `business_management`."""
    if not caller.has_scopes("business_management"):
        raise invalid_parameter("Missing Permission")
