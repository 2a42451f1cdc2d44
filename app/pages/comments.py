"""The comments on one's posts: a list with filters, and the conversation around the chosen one."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.fragments import answer_fragment
from app.http.i18n import gettext_noop, translate_text
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import row_id_from_query
from app.pages.account_view import load_platforms
from app.pages.brands import describe_scope, platform_title
from app.pages.comment_view import comment_fields, list_unsettled, post_fields
from core import accounts, comments
from core.accounts import AccountView
from core.errors import NotFound
from core.validation import is_storable_text
from db.comments.comments import CommentFilter
from platforms.publishing import Capability
from platforms.registry import PLATFORMS

blueprint = Blueprint("comment_pages", __name__)

PAGE_SIZE = 25
MAX_SEARCH_CHARS = 100
REFRESH_SECONDS = 30
DEFAULT_VIEW = "open"
VIEWS: dict[str, tuple[str, dict[str, bool]]] = {
    "open": (gettext_noop("Open"), {"is_handled": False, "is_hidden": False, "is_own": False}),
    "handled": (gettext_noop("Handled"), {"is_handled": True}),
    "hidden": (gettext_noop("Hidden"), {"is_hidden": True}),
    "own": (gettext_noop("Your own"), {"is_own": True}),
    "all": (gettext_noop("All"), {}),
}
"""What the list can show: the label and the conditions."""


@blueprint.get("/comments")
@require_login("comments:write")
@reads_replica
def show_comments() -> str:
    """Show the comments of the first platform that gives any."""
    platform = next(name for name in list_commented_platforms())
    return render_comments(platform)


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/comments")
@require_login("comments:write")
@reads_replica
def list_comments(platform: str) -> str:
    """List the comments on my posts, newest first, and show the first conversation."""
    require_comments(platform)
    return render_comments(platform)


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/comments/<int:comment_id>")
@require_login("comments:write")
@reads_replica
def show_comment(platform: str, comment_id: int) -> str:
    """Show one comment with its conversation beside the list."""
    require_comments(platform)
    return render_comments(platform, chosen_key=str(comment_id))


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/comments/new")
@require_login("comments:write")
@reads_replica
def show_new_count(platform: str) -> Response:
    """Show how many comments have arrived since the list was made, as a link to the new list."""
    require_comments(platform)
    than = row_id_from_query("than") or 0
    count = comments.count_newer_comments(
        reading_database(),
        platform,
        user_id=current_principal().user_id,
        than=than,
    )
    return answer_fragment(
        count,
        lambda: render_template(
            "_new_comments.html",
            count=count,
            max_count=comments.MAX_COUNT,
            refresh_seconds=REFRESH_SECONDS,
            list_url=url_for("comment_pages.list_comments", platform=platform),
        ),
    )


def render_comments(
    platform: str,
    *,
    chosen_key: str | None = None,
    reply_text: str = "",
    error_text: str | None = None,
) -> str:
    """Show list and conversation; without a chosen comment the first one is shown on wide pages.

    `reply_text` and `error_text`: a reply that was refused, and why.
    """
    query = read_query()
    page = load_page(platform, query)
    key = chosen_key or (str(page.comments[0].id) if page.comments else None)
    ids = [comment.id for comment in page.comments]
    return render_template(
        "comments.html",
        platform=platform,
        platform_name=platform_title(platform),
        other_platforms=list_silent_platforms(),
        comments=[comment_fields(comment) for comment in page.comments],
        accounts=list_account_choices(platform),
        views=[(name, translate_text(label)) for name, (label, _) in VIEWS.items()],
        query=query,
        is_filtered=any(value for name, value in query.items() if name != "show"),
        is_chosen=chosen_key is not None,
        conversation=load_conversation(platform, key, ids) if key else None,
        reply_text=reply_text,
        error_text=error_text,
        max_reply_chars=comments.MAX_REPLY_LENGTH,
        missing=list_missing_permissions(platform),
        newest_id=find_newest_id(platform),
        refresh_seconds=REFRESH_SECONDS,
        older_url=page.next_before and list_url(platform, query, cursor=page.next_before),
        newest_url=list_url(platform, query) if row_id_from_query("cursor") else None,
    )


def read_query() -> dict[str, Any]:
    """Return the filters in the query string; what is no filter is left out."""
    view, text = request.args.get("show", DEFAULT_VIEW), request.args.get("q", "").strip()
    is_searchable = is_storable_text(text) and len(text) <= MAX_SEARCH_CHARS
    return {
        "show": view if view in VIEWS else DEFAULT_VIEW,
        "account": row_id_from_query("account"),
        "post": row_id_from_query("post"),
        "q": text if text and is_searchable else None,
    }


def load_page(platform: str, query: dict[str, Any]) -> comments.CommentListPage:
    _, conditions = VIEWS[query["show"]]
    wanted = CommentFilter(
        user_id=current_principal().user_id,
        destination_id=query["account"],
        item_key=query["post"] and str(query["post"]),
        text=query["q"],
        **conditions,
    )
    before = row_id_from_query("cursor")
    return comments.list_comments(
        reading_database(), platform, wanted, limit=PAGE_SIZE, before=before
    )


def load_conversation(platform: str, key: str, listed_ids: list[int]) -> dict[str, Any]:
    """Load a comment with its conversation, and its neighbours in the list. Errors: NotFound."""
    conversation = comments.load_conversation(
        reading_database(), platform, key, user_id=current_principal().user_id
    )
    chosen_id = conversation.chosen.id
    place = listed_ids.index(chosen_id) if chosen_id in listed_ids else -1
    following = listed_ids[place + 1 : place + 2]
    return {
        "chosen": comment_fields(conversation.chosen),
        "thread": [comment_fields(comment) for comment in conversation.thread],
        "unsettled": list_unsettled(conversation.unsettled),
        "post": post_fields(conversation.chosen),
        "next_id": following[0] if following else None,
        "previous_id": listed_ids[place - 1] if place > 0 else None,
    }


def find_newest_id(platform: str) -> int:
    return comments.find_newest_comment_id(
        reading_database(), platform, user_id=current_principal().user_id
    )


def require_comments(platform: str) -> None:
    """Errors: NotFound if the platform has no comments."""
    if platform not in list_commented_platforms():
        raise NotFound(f"{platform} has no comments")


def list_commented_platforms() -> list[str]:
    return [
        name for name, platform in PLATFORMS.items() if Capability.COMMENTS in platform.capabilities
    ]


def list_silent_platforms() -> list[str]:
    """Return the titles of the user's platforms whose API gives no comments."""
    commented = list_commented_platforms()
    return [
        platform_title(view.platform)
        for view in load_platforms()
        if view.accounts and view.platform not in commented
    ]


def list_missing_permissions(platform: str) -> list[dict[str, Any]]:
    """Return the logins that may not do everything with comments, and what each lacks."""
    with reading_database().transaction() as session:
        views = accounts.list_account_views(
            session,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
        )
    missing = [(view, missing_scopes(view)) for view in views if not view.needs_reconnect]
    return [
        {
            "name": view.display_name or view.open_id,
            "permissions": [describe_scope(platform, scope) for scope in scopes],
            "url": url_for("oauth.start_connection", platform=platform, next=request.path),
        }
        for view, scopes in missing
        if scopes
    ]


def missing_scopes(view: AccountView) -> list[str]:
    """Return the scopes for comments and replies that the login does not have."""
    rules = accounts.find_rules(current_container().services, provider=view.provider)
    if rules is None:
        return []
    needed = frozenset[str]().union(
        *(rules.scopes.get(each, frozenset()) for each in (Capability.COMMENTS, Capability.REPLY))
    )
    return sorted(needed - set(view.scopes))


def list_account_choices(platform: str) -> list[tuple[int, str]]:
    """Return id and name of the accounts whose comments can be listed."""
    with reading_database().transaction() as session:
        views = accounts.list_destination_views(
            session,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
        )
    return [(view.id, f"@{view.handle}" if view.handle else view.name) for view in views]


def list_url(platform: str, query: dict[str, Any], *, cursor: int | None = None) -> str:
    return url_for("comment_pages.list_comments", platform=platform, **query, cursor=cursor)
