"""The list of all posts: filters, pages in both directions, CSV export."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from flask import Response, render_template, request, stream_with_context, url_for

from app.http.context import current_container, current_principal, require_login
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import row_id_from_query
from app.pages.account_names import AccountLabel, list_account_labels, post_account_key
from app.pages.badges import display_state, is_delivered_draft
from app.pages.brands import kind_label, list_platform_titles, platform_title
from app.pages.post_filters import (
    ListQuery,
    draft_state_label,
    list_chips,
    list_kind_choices,
    list_saved_views,
    list_state_choices,
    list_url,
    read_list_query,
    state_label,
)
from app.pages.posts import blueprint
from app.pages.thumbnails import post_thumbnail
from core.publishing import PostView
from core.publishing.lists import list_post_part, stream_posts
from db.posts.posts import Post
from db.publishing.queries import ListPart, ListPosition

__all__ = ["blueprint"]  # the one of `posts.py`, with the list

PAGE_SIZE = 25
MAX_EXPORTED_POSTS = 100_000
EXPORT_CHUNK_CHARS = 2**14
EXPORT_COLUMNS = (
    "id",
    "title",
    "platform",
    "account",
    "kind",
    "state",
    "created_at",
    "publish_at",
    "finished_at",
    "permalink",
    "error_code",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets take a cell that begins so for a formula."""


@blueprint.get("/posts")
@require_login("posts:read")
@reads_replica
def list_posts() -> str:
    """List my posts, newest first."""
    query = read_list_query()
    part = ListPart(
        limit=PAGE_SIZE,
        is_by_time=query.is_by_time,
        before=position_from_query("before", query) or position_from_cursor(query),
        after=position_from_query("after", query),
    )
    found = list_post_part(
        reading_database(), query.filters, part, user_id=current_principal().user_id
    )
    accounts = list_account_labels()
    labels = {account.key: account for account in accounts}
    return render_template(
        "posts.html",
        rows=[row_fields(view, labels) for view in found.posts],
        newer_url=list_url(query.values, after=position_text(found.newer)) if found.newer else None,
        older_url=list_url(query.values, before=position_text(found.older))
        if found.older
        else None,
        query=query,
        chips=list_chips(query, accounts),
        saved_views=list_saved_views(query),
        states=list_state_choices(),
        platforms=list_platform_titles(),
        kinds=list_kind_choices(),
        accounts=accounts,
        sort_links=list_sort_links(query),
        export_url=list_url(query.values).replace(
            url_for("post_pages.list_posts"), url_for("post_pages.export_posts"), 1
        ),
        max_exported=MAX_EXPORTED_POSTS,
    )


def row_fields(view: PostView, labels: Mapping[str, AccountLabel]) -> dict[str, Any]:
    return {
        "post": view.post,
        "thumbnail": post_thumbnail(view.post, view.parts),
        "account": labels.get(post_account_key(view.post)),
        "platform_name": platform_title(view.post.provider),
        "kind": kind_label(view.post.provider, view.post.kind),
    }


def list_sort_links(query: ListQuery) -> dict[str, str | None]:
    """Return the address of each order; None for the one that is shown, or cannot be."""
    values = {name: kept for name, kept in query.values.items() if name != "sort"}
    has_days = "from" in values or "to" in values
    return {
        "created": None if has_days or not query.is_by_time else list_url(values),
        "publish": None if query.is_by_time else list_url(values, sort="publish"),
    }


def position_from_query(name: str, query: ListQuery) -> ListPosition | None:
    """Parse `<id>`, or `<microseconds since 1970>-<id>` in a list by time."""
    time_text, _, id_text = request.args.get(name, "").rpartition("-")
    if not is_number(id_text) or (query.is_by_time and not is_number(time_text)):
        return None
    if not query.is_by_time:
        return ListPosition(int(id_text))
    try:
        return ListPosition(int(id_text), datetime.fromtimestamp(int(time_text) / 1e6, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < 2**63


def position_from_cursor(query: ListQuery) -> ListPosition | None:
    """Read the parameter that earlier addresses of the list have."""
    cursor = row_id_from_query("cursor")
    return ListPosition(cursor) if cursor and not query.is_by_time else None


def position_text(position: ListPosition) -> str:
    if position.at is None:
        return str(position.id)
    since_1970 = position.at - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = round(since_1970.total_seconds() * 1e6)
    return f"{microseconds}-{position.id}"


@blueprint.get("/posts/export.csv")
@require_login("posts:read")
def export_posts() -> Response:
    """Download the posts that the filters let through, at most 100,000."""
    query = read_list_query()
    names = {account.key: account.name for account in list_account_labels()}
    drafts_label = draft_state_label()
    labels = {name: state_label(name) for name, _ in list_state_choices()}
    posts = stream_posts(
        current_container().database,
        query.filters,
        user_id=current_principal().user_id,
        is_by_time=query.is_by_time,
        limit=MAX_EXPORTED_POSTS,
    )
    rows = (
        export_row(post, names, drafts_label if is_delivered_draft(post) else labels)
        for post in posts
    )
    response = Response(stream_with_context(write_csv(rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="posts.csv"'
    return response


def export_row(
    post: Post, names: Mapping[str, str], labels: Mapping[str, str] | str
) -> tuple[object, ...]:
    return (
        post.id,
        post.title,
        post.provider,
        names.get(post_account_key(post), ""),
        post.kind,
        labels if isinstance(labels, str) else labels[display_state(post)],
        *(
            at.isoformat(timespec="seconds") if at else ""
            for at in (post.created_at, post.publish_at, post.finished_at)
        ),
        post.permalink or "",
        post.error_code or "",
    )


def write_csv(rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """Write the lines of a file, beginning with the mark by which spreadsheets know UTF-8."""
    buffer = StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(EXPORT_COLUMNS)
    yield take_text(buffer)
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        if buffer.tell() > EXPORT_CHUNK_CHARS:
            yield take_text(buffer)
    yield take_text(buffer)


def take_text(buffer: StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def safe_cell(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
