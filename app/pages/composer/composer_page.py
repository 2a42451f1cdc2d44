"""The composer: one form that writes a post for any number of accounts, its drafts, its checks.

All that it knows of a request is read on the server from the form's fields, so that the page works
without a script, and drafts, checks and requests agree. Files alone need one.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.fragments import answer_fragment
from app.http.i18n import translate_text
from app.http.time_zones import current_zone
from app.http.validation import MAX_POST_BYTES, row_id_from_query
from app.pages.badges import post_badge
from app.pages.brands import platform_title
from app.pages.calendar_request import read_day
from app.pages.composer.checks import ComposerReport, check_composition, describe_forecasts
from app.pages.composer.files import load_files, load_recent_files
from app.pages.composer.form import Composition, parse_form, parse_payload
from app.pages.composer.sending import send_posts
from app.pages.composer.source_post import copy_post
from app.pages.composer.targets import ComposerTarget, has_form, load_targets, pick_targets
from app.pages.composer.view import build_block, build_view
from core import publishing
from core.errors import Invalid, NotFound
from core.publishing import drafts
from db.posts.drafts import Draft
from db.posts.posts import FINAL_POST_STATES
from db.publishing.post_filter import PostFilter
from platforms.registry import PLATFORMS

blueprint = Blueprint("composer", __name__)

SEE_OTHER = 303
REFRESH_SECONDS = 3  # while a post of a group moves
MAX_GROUP = 50


@blueprint.get("/compose")
@require_login("posts:write", "media:write")
def show_composer() -> str | Response:
    """Show an empty form, one for a day, or one with the content of an earlier post."""
    post_id = row_id_from_query("from")
    if post_id is not None:
        return render_composer(copy_post(post_id))
    return show_new_form(find_only_platform())


@blueprint.get("/compose/<uuid:draft_id>")
@require_login("posts:write", "media:write")
def show_draft(draft_id: UUID) -> str:
    """Show a draft."""
    with current_container().database.transaction() as session:
        draft = drafts.load_draft(session, draft_id, user_id=current_principal().user_id)
    return render_composer(parse_payload(draft.payload, draft_id), draft=draft)


@blueprint.post("/compose")
@require_login("posts:write", "media:write")
def submit_composer() -> Any:
    """Send the posts, keep the draft or only check, as the pressed button says."""
    composition = read_composition()
    match request.form.get("action"):
        case "save":
            return save_and_close(composition)
        case "check":
            return render_composer(composition, report=make_report(composition))
        case _:
            return send_or_show_faults(composition)


@blueprint.post("/compose/checks")
@require_login("posts:write", "media:write")
def show_checks() -> str:
    """Show what is wrong with the form as it is, for the script that asks after each change."""
    composition = read_composition()
    report = make_report(composition)
    return render_template(
        "_composer_checks.html", **report_values(report), **build_view(composition, [], report)
    )


@blueprint.post("/compose/blocks/<key>")
@require_login("posts:write", "media:write")
def show_block(key: str) -> str:
    """Show the settings of one account; what it allows is asked for each time."""
    target = next((each for each in load_targets() if each.key == key), None)
    if target is None:
        raise NotFound("there is no such account")
    block = build_block(read_composition(), target)
    return render_template("_composer_block.html", block=block)


@blueprint.get("/compose/sent/<uuid:group_id>")
@require_login("posts:read")
def show_group(group_id: UUID) -> str:
    """Show the posts that were sent together."""
    return render_template("composer_group.html", group_id=group_id, **describe_group(group_id))


@blueprint.get("/compose/sent/<uuid:group_id>/state")
@require_login("posts:read")
def show_group_state(group_id: UUID) -> Response:
    """Show the states of posts that were sent together, for the script that refreshes them."""
    fields = describe_group(group_id)
    return answer_fragment(fields, lambda: render_template("_composer_group.html", **fields))


@blueprint.post("/compose/<uuid:draft_id>/delete")
@require_login("posts:write")
def delete_draft(draft_id: UUID) -> Response:
    """Delete a draft."""
    with current_container().database.transaction() as session:
        drafts.delete_draft(session, draft_id, user_id=current_principal().user_id)
    flash(translate_text("The draft is deleted."), "good")
    return redirect(url_for("composer.show_composer"))


def describe_group(group_id: UUID) -> dict[str, Any]:
    """The posts of a group. Errors: NotFound, also for one of another user."""
    page = publishing.list_posts(
        current_container().database,
        PostFilter(group_id=group_id),
        user_id=current_principal().user_id,
        limit=MAX_GROUP,
    )
    if not page.posts:
        raise NotFound(f"no posts of the group {group_id}")
    posts = [view.post for view in page.posts]
    are_final = all(post.state in FINAL_POST_STATES for post in posts)
    return {
        "refresh_seconds": 0 if are_final else REFRESH_SECONDS,
        "posts": [
            {
                "id": post.id,
                "title": post.title,
                "platform_name": platform_title(post.provider),
                "css_class": PLATFORMS[post.provider].brand.css_class,
                "badge": post_badge(post),
            }
            for post in reversed(posts)
        ],
    }


def show_new_form(platform: str | None) -> str:
    """Show an empty form, for the accounts of one platform or of all."""
    chosen = [*list_chosen_accounts(platform), *list_chosen_day()]
    composition = Composition(uuid4(), MultiDict(chosen))
    return render_composer(composition, platform=platform)


def find_only_platform() -> str | None:
    """The platform that the form is limited to, by its name in the address; None: all."""
    name = request.args.get("platform", "")
    return name if name in PLATFORMS and has_form(name) else None


def list_chosen_accounts(platform: str | None) -> list[tuple[str, str]]:
    """The accounts that a new form begins with: the only usable one, if there is one."""
    usable = [target for target in load_targets(platform) if target.reason is None]
    return [("account", usable[0].key)] if len(usable) == 1 else []


def list_chosen_day() -> list[tuple[str, str]]:
    """The day that the calendar named for a new post; its time of day is still open."""
    day = read_day(request.args.get("day", ""))
    return [] if day is None else [("when", "later"), ("day", day.isoformat())]


def read_composition() -> Composition:
    """Read the form of this request. Errors: Invalid for text that cannot be stored."""
    request.max_form_memory_size = request.max_content_length = MAX_POST_BYTES
    if any("\x00" in value for value in request.form.values()):
        raise Invalid("the form contains a NUL character")
    return load_files(parse_form(request.form))


def make_report(composition: Composition) -> ComposerReport:
    return check_composition(composition, choose_targets(composition))


def choose_targets(composition: Composition) -> list[ComposerTarget]:
    return pick_targets(load_targets(), composition.account_keys)


def report_values(report: ComposerReport | None) -> dict[str, Any]:
    return {
        "report": report,
        "forecasts": [] if report is None else describe_forecasts(report),
    }


def render_composer(
    composition: Composition,
    *,
    draft: Draft | None = None,
    report: ComposerReport | None = None,
    errors: Sequence[tuple[str, str]] = (),
    platform: str | None = None,
) -> str:
    composition, platform = load_files(composition), platform or find_only_platform()
    targets = load_targets(platform)
    return render_template(
        "composer.html",
        only_platform=platform,
        only_name=platform and platform_title(platform),
        errors=errors,
        draft=draft,
        drafts=load_drafts(except_id=composition.id),
        recent_files=load_recent_files(composition),
        **report_values(report),
        **build_view(composition, targets, report),
    )


def load_drafts(*, except_id: UUID) -> list[Draft]:
    with current_container().database.transaction() as session:
        rows = drafts.list_drafts(session, user_id=current_principal().user_id)
    return [row for row in rows if row.draft_id != except_id]


def save_and_close(composition: Composition) -> Response:
    """Keep the form as a draft, whatever another window has stored."""
    with current_container().database.transaction() as session:
        drafts.save_draft(
            session,
            composition.id,
            user_id=current_principal().user_id,
            title=composition.title,
            payload=composition.to_payload(),
        )
    flash(translate_text("The draft is saved."), "good")
    return redirect(url_for("composer.show_composer"), SEE_OTHER)


def send_or_show_faults(composition: Composition) -> Any:
    """Send what was composed to all accounts, or to none if there is something to fix."""
    report = make_report(composition)
    if report.faults:
        errors = [
            (line.anchor, f"{line.name}: {line.text}" if line.name else line.text)
            for line in report.faults
        ]
        return render_composer(composition, report=report, errors=errors), 422
    outcomes = send_posts(report.posts, composition.id)
    failures = [outcome for outcome in outcomes if outcome.error]
    if not failures:
        forget_draft(composition.id)
        if len(outcomes) == 1:
            url = url_for("post_pages.show_post", post_id=outcomes[0].post_id)
            return redirect(url, SEE_OTHER)
        return redirect(url_for("composer.show_group", group_id=composition.id), SEE_OTHER)
    save_failed(composition)
    return render_template(
        "composer_sent.html", outcomes=outcomes, draft_id=composition.id, zone=current_zone().key
    )


def save_failed(composition: Composition) -> None:
    """Keep what could not be sent everywhere, so that it can be sent again."""
    with current_container().database.transaction() as session:
        drafts.save_draft(
            session,
            composition.id,
            user_id=current_principal().user_id,
            title=composition.title,
            payload=composition.to_payload(),
        )


def forget_draft(draft_id: UUID) -> None:
    """Delete the draft of what was sent, if there is one."""
    with current_container().database.transaction() as session:
        drafts.discard_draft(session, draft_id, user_id=current_principal().user_id)
