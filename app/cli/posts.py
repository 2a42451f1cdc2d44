"""`signalpost posts`: find posts of all users, and hold, release, cancel or retry them."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from app.cli.command import CommandGroup
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.failure_causes import explain_slow_search
from app.cli.held_posts import HeldAction, act_on_held, add_held_options, require_one_form
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.post_rows import (
    POST_FIELDS,
    POST_ROW_FIELDS,
    describe_post_details,
    describe_row,
    describe_stuck_post,
    serialize_details,
    serialize_row,
    serialize_stuck_post,
)
from app.cli.row_options import BEFORE_OPTION, LIMIT_OPTION, next_before
from app.cli.runtime import load_container
from core import audit, publishing
from core.errors import CoreError, NotFound
from core.identity import users
from db.posts.posts import Post
from db.publishing.operator_posts import OperatorPosts
from db.publishing.post_filter import DISPLAY_STATES, PostFilter
from platforms.errors import PlatformError
from platforms.registry import PLATFORMS
from tasks.runtime import WorkerContainer

POST_ID = click.argument("post_id", metavar="ID", type=click.IntRange(min=1))
POST_IDS = click.argument(
    "post_ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(min=1)
)
SOME_POST_IDS = click.argument("post_ids", metavar="[ID]...", nargs=-1, type=click.IntRange(min=1))
HELD_FIELDS = "id? state? error? matches? accounts? byReason? done? refused?"
PostAction = Callable[[WorkerContainer, Post], str]
"""Does something to a post and returns its state afterwards."""


@click.group("posts", cls=CommandGroup)
def posts_group() -> None:
    """Posts of all users."""


@posts_group.command(
    "list",
    examples=(
        "signalpost posts list --user eve@example.org",
        "signalpost posts list --state FAILED --state UNCONFIRMED --limit 100",
        "signalpost posts list --state HELD --json",
    ),
    item_fields=POST_ROW_FIELDS,
    fields="next",
)
@click.option("--user", metavar="ID|EMAIL", help="Only those of this user.")
@click.option(
    "--state",
    "displays",
    multiple=True,
    type=click.Choice(list(DISPLAY_STATES), case_sensitive=False),
    help="Only those in this state, as pages show it; may be repeated.",
)
@click.option("--platform", type=click.Choice(list(PLATFORMS)), help="Only those of this platform.")
@click.option(
    "--account", "account_id", metavar="ID", type=click.IntRange(min=1), help="Only its posts."
)
@LIMIT_OPTION
@BEFORE_OPTION
@prints_results
def list_posts(
    user: str | None, platform: str | None, limit: int, before: int | None, **filters: Any
) -> CommandResult:
    """List posts, newest first."""
    post_filter = PostFilter(provider=platform, **filters)
    with load_container().database.transaction() as session, explain_slow_search():
        user_id = None if user is None else users.find_user(session, user).id
        rows = OperatorPosts(session).page(
            post_filter, user_id=user_id, limit=limit + 1, before=before
        )
    page = rows[:limit]
    return list_result(
        [serialize_row(post) for post in page],
        [describe_row(post) for post in page],
        empty="no posts",
        next=next_before(rows, limit),
    )


@posts_group.command("show", examples=("signalpost posts show 17",), fields=POST_FIELDS)
@POST_ID
@prints_results
def show_post(post_id: int) -> CommandResult:
    """Show a post with its timeline.

    Somebody else's post: that it was read is in the audit log.
    """
    container = load_container()
    owner_id = load_post(container, post_id).user_id
    view = publishing.get_post(container.database, post_id, user_id=owner_id)
    with container.database.transaction() as session:
        audit.record_action(session, "post.read", user_id=owner_id, subject=f"post:{post_id}")
    return CommandResult(describe_post_details(view), serialize_details(view))


@posts_group.command(
    "stuck",
    examples=("signalpost posts stuck", "signalpost posts stuck --json"),
    item_fields=f"{POST_ROW_FIELDS} cause",
)
@LIMIT_OPTION
@prints_results
def list_stuck_posts(limit: int) -> CommandResult:
    """List posts that do not move, with the cause.

    held: on hold although its time has come. unconfirmed: for an hour it is not known whether it
    is public. overdue: due for 5 minutes, and no worker has it. failing: three attempts or more
    have failed.
    """
    with load_container().database.transaction() as session, explain_slow_search():
        stuck = OperatorPosts(session).list_stuck(limit=limit)
    rows = [serialize_stuck_post(post) for post in stuck]
    return list_result(
        rows, [describe_stuck_post(post) for post in stuck], empty="no post is stuck"
    )


@posts_group.command(
    "hold",
    examples=("signalpost posts hold 17", "signalpost posts hold 17 18 19"),
    failure="at least one of the posts is not queued, or a worker has it",
    fields="id state? error?",
)
@POST_IDS
@prints_results
def hold_posts(post_ids: tuple[int, ...]) -> Iterator[CommandResult]:
    """Put queued posts on hold.

    They are not published until they are released, here or by their owners.
    """
    yield from change_posts(post_ids, hold_one_post, "on hold")


RELEASE_HELD = HeldAction(
    "release",
    "released",
    "release them? They go out now or at their time",
    publishing.release_held_posts,
)
CANCEL_HELD = HeldAction("cancel", "cancelled", "cancel them?", publishing.cancel_held_posts)


@posts_group.command(
    "release",
    examples=(
        "signalpost posts release 17 18 19",
        "signalpost posts release --held --reason restored --since 2026-11-30 --dry-run",
        "signalpost posts release --held --account 7 --yes",
    ),
    failure="at least one of the posts is not on hold, or its account has to be connected again",
    fields=HELD_FIELDS,
)
@SOME_POST_IDS
@add_held_options
@YES_OPTION
@prints_results
def release_posts(
    post_ids: tuple[int, ...], *, held: bool, is_confirmed: bool, **filters: Any
) -> Iterator[CommandResult]:
    """Let posts on hold go out, now or at their time.

    With --held all of them, or those that the filters choose: they are counted, and released after
    a confirmation. An interrupted run is continued by the same command.
    """
    require_one_form(post_ids, held=held, **filters)
    if held:
        yield from act_on_held(RELEASE_HELD, is_confirmed=is_confirmed, **filters)
    else:
        yield from change_posts(post_ids, release_one_post, "released")


@posts_group.command(
    "cancel",
    examples=(
        "signalpost posts cancel 17 18 --yes",
        "signalpost posts cancel --held --reason restored --until 2026-11-30 --dry-run",
    ),
    failure="at least one of the posts has ended, or may be public already",
    fields=HELD_FIELDS,
)
@SOME_POST_IDS
@add_held_options
@YES_OPTION
@prints_results
def cancel_posts(
    post_ids: tuple[int, ...], *, held: bool, is_confirmed: bool, **filters: Any
) -> Iterator[CommandResult]:
    """Cancel posts that have not been published.

    With --held all that are on hold, or those that the filters choose. An interrupted run is
    continued by the same command.
    """
    require_one_form(post_ids, held=held, **filters)
    if held:
        yield from act_on_held(CANCEL_HELD, is_confirmed=is_confirmed, **filters)
        return
    numbers = ", ".join(map(str, post_ids))
    require_confirmation(f"Cancel post {numbers}?", is_confirmed=is_confirmed)
    yield from change_posts(post_ids, cancel_one_post, "cancelled")


@posts_group.command(
    "retry",
    examples=("signalpost posts retry 17", "signalpost posts retry 17 --confirm"),
    fields="id state",
)
@POST_ID
@click.option(
    "--confirm", is_flag=True, help="Also if it is not known whether the post was published."
)
@prints_results
def retry_post(post_id: int, *, confirm: bool) -> CommandResult:
    """Retry a failed or cancelled post as a new one."""
    container = load_container()
    new_post = publishing.retry_post(
        container.database,
        container.services,
        post_id,
        user_id=load_post(container, post_id).user_id,
        confirm=confirm,
    ).post
    return CommandResult(
        f"post {new_post.id}: {new_post.state}", {"id": new_post.id, "state": new_post.state}
    )


def change_posts(
    post_ids: tuple[int, ...], change_post: PostAction, verb: str
) -> Iterator[CommandResult]:
    """Do it to each of the posts; one that refuses stops none of the others."""
    container = load_container()
    for post_id in dict.fromkeys(post_ids):
        try:
            state = change_post(container, load_post(container, post_id))
        except (CoreError, PlatformError) as error:
            failure = {"code": error.code, "message": str(error)}
            text = f"post {post_id}: not {verb}: {error.code}: {error}"
            yield CommandResult(text, {"id": post_id, "error": failure}, ok=False)
        else:
            yield CommandResult(f"post {post_id}: {verb}", {"id": post_id, "state": state})


def load_post(container: WorkerContainer, post_id: int) -> Post:
    """Return the post of any user. Errors: NotFound."""
    with container.database.transaction() as session:
        post = session.get(Post, post_id)
    if post is None:
        raise NotFound(f"there is no post {post_id}")
    return post


def hold_one_post(container: WorkerContainer, post: Post) -> str:
    return publishing.hold_post(container.database, post.id, user_id=post.user_id).state


def release_one_post(container: WorkerContainer, post: Post) -> str:
    return publishing.release_post(
        container.database,
        container.services,
        post.id,
        user_id=post.user_id,
        is_by_operator=True,
    ).state


def cancel_one_post(container: WorkerContainer, post: Post) -> str:
    publishing.cancel_post(container.database, container.services, post.id, user_id=post.user_id)
    return load_post(container, post.id).state
