"""Finds the Instagram accounts behind a Facebook login: the union of three sources.

`/me/accounts` may be empty or partial for Pages of a business portfolio, although the person ticked
them. `debug_token` names what was ticked; portfolios list their Pages.

Source: Meta, Instagram API with Facebook Login (overview of 2026-09-16) and get-long-lived, read
2026-11-22; that the sources differ was reported by several public projects.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog

from platforms.errors import PlatformError, Rejected, TokenExpired
from platforms.instagram.debug_token import DebuggedToken, debug_token
from platforms.instagram.graph import GraphClient
from platforms.instagram.node_reads import try_fields
from platforms.logins import Destination, FoundDestinations
from platforms.secret import Secret
from platforms.vendor_values import (
    read_count,
    read_id,
    read_list,
    read_names,
    read_object,
    read_text,
    read_token_text,
    read_url,
)

log = structlog.get_logger(__name__)

ACCOUNT_FIELDS = (
    "id,username,name,profile_picture_url,followers_count,follows_count,media_count",
    "id,username,name,profile_picture_url,followers_count,media_count",
)
PAGE_FIELDS = (
    f"id,name,access_token,tasks,instagram_business_account{{{ACCOUNT_FIELDS[0]}}}",
    f"id,name,access_token,tasks,instagram_business_account{{{ACCOUNT_FIELDS[1]}}}",
    f"id,name,access_token,instagram_business_account{{{ACCOUNT_FIELDS[1]}}}",
)
"""Fields of accounts and of Pages: what we want, then what Meta's page shows for the list of Pages.

One field that a node does not have fails the whole request, and portfolios may not show tasks.
"""
PAGE_LIMIT = 100  # items of one answer
MAX_ANSWERS = 50  # of one list; a longer one is not complete
MAX_URL_LENGTH = 2048
MAX_NAME_LENGTH = 255  # characters of a name that are kept
MAX_CURSOR_LENGTH = 2000  # characters
PUBLISHING_TASKS = frozenset(
    {
        "CREATE_CONTENT",
        "MANAGE",
        "PROFILE_PLUS_CREATE_CONTENT",
        "PROFILE_PLUS_FULL_CONTROL",
        "PROFILE_PLUS_MANAGE",
    }
)
"""One of these tasks on the Page is needed to publish to its account."""

ACCOUNT_SCOPE, PAGE_SCOPE = "instagram_basic", "pages_show_list"
TASK_MISSING = "page_task_missing"
PERMISSION_MISSING = "permission_missing"
PAGE_NOT_READABLE = "page_not_readable"


@dataclass(frozen=True)
class FacebookPage:
    """A Page that the person ticked, and the Instagram account that is linked to it.

    `tasks` of None: Meta did not say what the person may do on the Page.
    """

    id: str
    name: str
    token: Secret | None = None
    tasks: tuple[str, ...] | None = None
    account: Mapping[str, Any] | None = None


@dataclass
class PageSearch:
    """What the sources have shown so far. `failures`: calls that may have hidden something."""

    pages: dict[str, FacebookPage] = field(default_factory=dict)
    unreadable_ids: list[str] = field(default_factory=list)
    failures: list[PlatformError] = field(default_factory=list)

    def add(self, page: FacebookPage) -> None:
        """Keep what the first source said of a Page, and fill in what it left out."""
        known = self.pages.get(page.id)
        if known is not None:
            page = replace(
                known,
                token=known.token or page.token,
                tasks=known.tasks if known.tasks is not None else page.tasks,
                account=known.account or page.account,
            )
        self.pages[page.id] = page

    def note_failure(self, source: str, error: PlatformError) -> None:
        """Record that a source failed. Errors: TokenExpired, which every source would give."""
        if isinstance(error, TokenExpired):
            raise error
        log.warning("instagram.accounts_source_failed", source=source, code=error.code)
        self.failures.append(error)


def find_accounts(graph: GraphClient, token: Secret) -> FoundDestinations:
    """Return every account that the token opens, the unusable ones with the reason.

    Errors: PlatformError if no source answers, or if the token is not valid.
    """
    search, debugged = PageSearch(), None
    collect_listed_pages(graph, token, "me/accounts", "me_accounts", search)
    try:
        debugged = debug_token(graph, token)
        collect_ticked_pages(graph, token, debugged, search)
    except PlatformError as error:
        search.note_failure("debug_token", error)
    if graph.app.extra.get("business_management"):
        collect_business_pages(graph, token, search)
    if not search.pages and search.failures:
        raise search.failures[0]
    targets = {} if debugged is None else debugged.targets
    destinations = {
        destination.external_id: destination
        for page in search.pages.values()
        if (destination := make_destination(page, targets)) is not None
    }
    for account_id in targets.get(ACCOUNT_SCOPE, ()):
        if account_id not in destinations:
            add_pageless_account(graph, token, account_id, destinations, search)
    return FoundDestinations(
        tuple(destinations.values()),
        is_complete=not search.failures and not search.unreadable_ids,
        unreadable_ids=tuple(search.unreadable_ids),
    )


def find_one_account(graph: GraphClient, token: Secret, account_id: str) -> Destination | None:
    """Return one account with a new Page token; None if the token does not open it.

    Errors: PlatformError if a source failed that may have shown it.
    """
    search = PageSearch()
    collect_listed_pages(graph, token, "me/accounts", "me_accounts", search)
    found = pick_account(search, account_id)
    if found is not None:
        return found
    result = find_accounts(graph, token)
    found = next((each for each in result.destinations if each.external_id == account_id), None)
    if found is None and search.failures:
        raise search.failures[0]
    return found


def pick_account(search: PageSearch, account_id: str) -> Destination | None:
    for page in search.pages.values():
        destination = make_destination(page, {})
        if destination is not None and destination.external_id == account_id:
            return destination
    return None


def collect_listed_pages(
    graph: GraphClient, token: Secret, path: str, endpoint: str, search: PageSearch
) -> None:
    """Add the Pages of a list; what came before an answer that failed is kept."""

    def add_pages(fields: str) -> None:
        for item in iter_items(graph, token, path, endpoint=endpoint, fields=fields):
            page = read_page(item)
            if page is not None:
                search.add(page)

    try:
        try_fields(PAGE_FIELDS, add_pages)
    except PlatformError as error:
        search.note_failure(endpoint, error)


def collect_ticked_pages(
    graph: GraphClient, token: Secret, debugged: DebuggedToken, search: PageSearch
) -> None:
    """Add the Pages that the person ticked and that no list has shown."""
    for page_id in debugged.targets.get(PAGE_SCOPE, ()):
        if page_id in search.pages:
            continue
        try:
            body = read_node_fields(graph, token, page_id, "page_node", PAGE_FIELDS)
        except Rejected:
            search.unreadable_ids.append(page_id)
            continue
        except PlatformError as error:
            search.note_failure("page_node", error)
            search.unreadable_ids.append(page_id)
            continue
        page = read_page(body)
        if page is None or page.id != page_id:
            search.unreadable_ids.append(page_id)
        else:
            search.add(page)


def collect_business_pages(graph: GraphClient, token: Secret, search: PageSearch) -> None:
    """Add the Pages of the person's business portfolios. What is refused is left out."""
    found = PageSearch()
    ids: list[str | None] = []
    try:
        businesses = iter_items(graph, token, "me/businesses", endpoint="me_businesses")
        ids += [read_id(item.get("id")) for item in businesses]
    except PlatformError as error:
        found.note_failure("me_businesses", error)
    for business_id in filter(None, ids):
        for edge in ("owned_pages", "client_pages"):
            collect_listed_pages(graph, token, f"{business_id}/{edge}", edge, found)
    for page in found.pages.values():
        search.add(page)
    # a refusal is usual: some portfolios show nothing
    search.failures += [error for error in found.failures if not isinstance(error, Rejected)]


def add_pageless_account(
    graph: GraphClient,
    token: Secret,
    account_id: str,
    destinations: dict[str, Destination],
    search: PageSearch,
) -> None:
    """Add an account that was ticked, but whose Page nothing shows; it cannot be used."""
    try:
        body = read_node_fields(graph, token, account_id, "ig_user_node", ACCOUNT_FIELDS)
    except PlatformError as error:
        if not isinstance(error, Rejected):
            search.note_failure("ig_user_node", error)
        search.unreadable_ids.append(account_id)
        return
    found = read_account(body)
    if found is None or found.external_id != account_id:
        search.unreadable_ids.append(account_id)
        return
    destinations[account_id] = replace(found, blocked=PAGE_NOT_READABLE)


def read_node_fields(
    graph: GraphClient, token: Secret, node_id: str, endpoint: str, field_lists: Sequence[str]
) -> Mapping[str, Any]:
    def read(fields: str) -> Mapping[str, Any]:
        return graph.get(node_id, token, endpoint=endpoint, params={"fields": fields}).body

    return try_fields(field_lists, read)


def iter_items(
    graph: GraphClient,
    token: Secret,
    path: str,
    *,
    endpoint: str,
    fields: str = "id,name",
) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list, over all its answers."""
    after: str | None = None
    for _ in range(MAX_ANSWERS):
        params = {"fields": fields, "limit": PAGE_LIMIT, "after": after}
        body = graph.get(path, token, endpoint=endpoint, params=params).body
        for item in read_list(body.get("data")):
            node = read_object(item)
            if node is not None:
                yield node
        cursor = read_next_cursor(body)
        if cursor is None or cursor == after:
            return
        after = cursor


def read_next_cursor(body: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next answer; None on the last one, which names no next URL."""
    paging = read_object(body.get("paging")) or {}
    next_url = read_text(paging.get("next"), MAX_CURSOR_LENGTH * 2)
    if next_url is None:
        return None
    cursors = read_object(paging.get("cursors")) or {}
    named = read_text(cursors.get("after"), MAX_CURSOR_LENGTH)
    return named or next(iter(parse_qs(urlsplit(next_url).query).get("after", [])), None)


def read_page(item: Mapping[str, Any]) -> FacebookPage | None:
    """Return a Page; None without an id."""
    page_id = read_id(item.get("id"))
    if page_id is None:
        return None
    token = read_token_text(item.get("access_token"))
    return FacebookPage(
        page_id,
        read_text(item.get("name"), MAX_NAME_LENGTH) or page_id,
        None if token is None else Secret(token),
        None if item.get("tasks") is None else read_names(item.get("tasks")),
        read_object(item.get("instagram_business_account")),
    )


def make_destination(
    page: FacebookPage, targets: Mapping[str, tuple[str, ...]]
) -> Destination | None:
    """Return the account of a Page; None if none is linked to it."""
    account = None if page.account is None else read_account(page.account)
    if account is None:
        return None
    missing_scopes = sorted(
        scope
        for scope, ids in targets.items()
        if scope.startswith("instagram_") and account.external_id not in ids
    )
    blocked = None
    if ACCOUNT_SCOPE in missing_scopes:
        blocked = PERMISSION_MISSING
    elif page.tasks is not None and PUBLISHING_TASKS.isdisjoint(page.tasks):
        blocked = TASK_MISSING
    details = {
        "page_id": page.id,
        "page_name": page.name,
        "tasks": None if page.tasks is None else list(page.tasks),
        "missing_scopes": missing_scopes or None,
    }
    kept = {name: value for name, value in details.items() if value is not None}
    return replace(account, token=page.token, details={**account.details, **kept}, blocked=blocked)


def read_account(node: Mapping[str, Any]) -> Destination | None:
    """Return an account of Facebook Login without its Page; None without an id."""
    account_id = read_id(node.get("id"))
    return None if account_id is None else describe_account(account_id, node)


def describe_account(account_id: str, node: Mapping[str, Any]) -> Destination:
    """Return an account with what its node says: names, picture, counts."""
    username = read_text(node.get("username"), MAX_NAME_LENGTH)
    counts = {
        name: read_count(node.get(name))
        for name in ("followers_count", "follows_count", "media_count")
    }
    return Destination(
        external_id=account_id,
        name=read_text(node.get("name"), MAX_NAME_LENGTH) or username or account_id,
        handle=username,
        avatar_url=read_url(node.get("profile_picture_url"), MAX_URL_LENGTH),
        details={name: count for name, count in counts.items() if count is not None},
    )
