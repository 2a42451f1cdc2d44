"""Actions on several posts: on those that were selected, or on all that fit the filters."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from flask import render_template, request
from werkzeug.datastructures import MultiDict

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import current_locale
from app.pages.formatting import format_whole_number
from app.pages.history import blueprint
from app.pages.post_filters import list_url, read_list_query
from app.pages.posts import cancel_post, error_text, release_post
from core import publishing
from core.errors import CoreError, NotFound
from core.post_state.settle import PostState
from core.publishing.lists import PostListPart, count_posts_up_to, list_post_part
from db.posts.posts import Post
from db.publishing.post_filter import PostFilter
from db.publishing.queries import ListPart, ListPosition

__all__ = ["blueprint"]  # the one of `posts.py`, with the list and these actions

MAX_BULK_POSTS = 100  # of one request
MOST_COUNTED = 10_000
MAX_ID_DIGITS = 18


class BulkResult(NamedTuple):
    """What an action did to one post; `error` is None if it worked."""

    post_id: int
    title: str
    error: str | None
    new_post_id: int | None = None


def retry_failed_post(post_id: int) -> int:
    """Retry a post that has certainly not been published. Errors: Conflict for any other."""
    result = publishing.retry_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
        confirm=False,
        idempotency_key=f"page-retry-{post_id}",
    )
    return result.post.id


class BulkAction(NamedTuple):
    """An action, and the state of the posts of a filter that it is tried on."""

    run: Callable[[int], int]
    state: PostState


BULK_ACTIONS = {
    "retry": BulkAction(retry_failed_post, PostState.FAILED),
    "cancel": BulkAction(cancel_post, PostState.QUEUED),
    "release": BulkAction(release_post, PostState.QUEUED),
}


@blueprint.post("/posts/bulk")
@require_login("posts:write")
def run_bulk_action() -> str:
    """Try again, cancel or release several posts, and show what became of each."""
    name = request.form.get("action", "")
    if name not in BULK_ACTIONS:
        raise NotFound("there is no such action")
    if request.form.get("all") == "1":
        return act_on_fitting(name)
    post_ids = list(dict.fromkeys(request.form.getlist("post", type=int)))[:MAX_BULK_POSTS]
    return show_results(name, post_ids)


def act_on_fitting(name: str) -> str:
    """Count the posts that fit the filters; once that is confirmed, act on the next ones."""
    filters = replace(read_list_query().filters, state=BULK_ACTIONS[name].state)
    if request.form.get("confirmed") != "1":
        return show_count(name, filters)
    found = list_fitting(filters, limit=MAX_BULK_POSTS, before=read_position())
    post_ids = [view.post.id for view in found.posts if is_meant(name, view.post)]
    return show_results(name, post_ids, next_before=found.older.id if found.older else None)


def list_fitting(
    filters: PostFilter, *, limit: int, before: ListPosition | None = None
) -> PostListPart:
    part = ListPart(limit=limit, before=before)
    return list_post_part(
        current_container().database, filters, part, user_id=current_principal().user_id
    )


def read_position() -> ListPosition | None:
    """Read the id that the posts have to be older than."""
    text = request.form.get("before", "")
    is_id = text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS
    return ListPosition(int(text)) if is_id else None


def is_meant(name: str, post: Post) -> bool:
    """Whether a post is one of those that people mean: only what is on hold is released."""
    return name != "release" or post.hold_reason is not None


def show_count(name: str, filters: PostFilter) -> str:
    """Show how many posts an action would be tried on, before anything is changed.

    Posts that are made meanwhile are not among them.
    """
    newest = list_fitting(filters, limit=1).posts
    count = count_posts_up_to(
        current_container().database,
        filters,
        user_id=current_principal().user_id,
        limit=MOST_COUNTED,
    )
    text = format_whole_number(count, current_locale())
    return render_template(
        "posts_confirm.html",
        action=name,
        count=count,
        count_text=text if count < MOST_COUNTED else f"{text}+",
        before=newest[0].post.id + 1 if newest else None,
        max_posts=MAX_BULK_POSTS,
        back_url=back_url(),
    )


def show_results(name: str, post_ids: Sequence[int], *, next_before: int | None = None) -> str:
    run = BULK_ACTIONS[name].run
    return render_template(
        "posts_result.html",
        action=name,
        results=[run_one_action(run, post_id) for post_id in islice(post_ids, MAX_BULK_POSTS)],
        next_before=next_before,
        back_url=back_url(),
    )


def back_url() -> str:
    return list_url(MultiDict(request.args).to_dict(flat=False))


def run_one_action(run: Callable[[int], int], post_id: int) -> BulkResult:
    title = ""
    try:
        view = publishing.get_post(
            current_container().database, post_id, user_id=current_principal().user_id
        )
        title = view.post.title
        new_post_id = run(post_id)
    except CoreError as error:
        return BulkResult(post_id, title, error_text(error))
    return BulkResult(post_id, title, None, new_post_id if new_post_id != post_id else None)
