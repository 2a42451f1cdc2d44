"""`signalpost posts`: retry a post as a new post of the same owner."""

import click

from app.cli.command import CommandGroup
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core import publishing
from core.errors import NotFound
from db.posts.posts import Post


@click.group("posts", cls=CommandGroup)
def posts_group() -> None:
    """Posts of all users."""


@posts_group.command(
    "retry",
    examples=("signalpost posts retry 17", "signalpost posts retry 17 --confirm"),
    fields="id state",
)
@click.argument("post_id", type=click.IntRange(min=1))
@click.option(
    "--confirm", is_flag=True, help="Also if it is not known whether the post was published."
)
@prints_results
def retry_post(post_id: int, *, confirm: bool) -> CommandResult:
    """Retry a failed or cancelled post as a new one."""
    container = load_container()
    with container.database.transaction() as session:
        failed_post = session.get(Post, post_id)
    if failed_post is None:
        raise NotFound(f"there is no post {post_id}")
    new_post = publishing.retry_post(
        container.database,
        container.services,
        post_id,
        user_id=failed_post.user_id,
        confirm=confirm,
    ).post
    return CommandResult(
        f"post {new_post.id}: {new_post.state}", {"id": new_post.id, "state": new_post.state}
    )
