"""Posts from a terminal: sent again, as a new post of the same owner."""

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core import publishing as ledger
from core.errors import NotFound
from db.posts.posts import Post


@click.group
def posts() -> None:
    """The publish ledger."""


@posts.command("retry")
@click.argument("post_id", type=click.IntRange(min=1))
@click.option("--confirm", is_flag=True, help="Also if nobody knows whether it came out.")
@prints_results
def retry(post_id: int, *, confirm: bool) -> CommandResult:
    """Send a failed or cancelled post again, as a new one."""
    container = load_container()
    with container.database.transaction() as session:
        failed_post = session.get(Post, post_id)
    if failed_post is None:
        raise NotFound(f"no post {post_id}")
    new_post = ledger.retry_post(
        container.database,
        container.services,
        post_id,
        user_id=failed_post.user_id,
        confirm=confirm,
    ).post
    return CommandResult(
        f"post {new_post.id}: {new_post.state}", {"id": new_post.id, "state": new_post.state}
    )
