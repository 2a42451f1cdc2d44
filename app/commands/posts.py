"""Posts from a terminal: sent again, as a new post of the same owner."""

import click

from app.commands.around import house
from app.commands.spoken import Said, spoken
from core import posts as ledger
from core.errors import NotFound
from db.posts import Post


@click.group
def posts() -> None:
    """The publish ledger."""


@posts.command("retry")
@click.argument("post_id", type=click.IntRange(min=1))
@click.option("--confirm", is_flag=True, help="Also if nobody knows whether it came out.")
@spoken
def retry(post_id: int, *, confirm: bool) -> Said:
    """Send a failed or cancelled post again, as a new one."""
    around = house()
    with around.database.transaction() as session:
        old = session.get(Post, post_id)
    if old is None:
        raise NotFound(f"no post {post_id}")
    new = ledger.retry(
        around.database, around.world, post_id, user_id=old.user_id, confirm=confirm
    ).post
    return Said(f"post {new.id}: {new.state}", {"id": new.id, "state": new.state})
