"""The posts that `signalpost posts release --held` and `cancel --held` choose, and what they do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from app.cli.confirmation import require_confirmation
from app.cli.failure_causes import explain_slow_search
from app.cli.output import CommandResult
from app.cli.progress import show_progress
from app.cli.row_options import in_utc
from app.cli.runtime import load_container
from core.bootstrap import Services
from core.errors import Invalid
from core.identity import users
from core.publishing.held_posts import HeldBatch
from db.publishing.held_posts import HeldFilter, HeldPosts, HeldSummary
from db.session import Database
from db.statement_limits import search_limits
from platforms.registry import PLATFORMS

HELD_OPTIONS = (
    click.option("--held", is_flag=True, help="All posts on hold, instead of ids."),
    click.option(
        "--reason",
        "reasons",
        multiple=True,
        metavar="REASON",
        help="With --held: only those with this hold reason, such as restored; may be repeated.",
    ),
    click.option("--user", metavar="ID|EMAIL", help="With --held: only those of this user."),
    click.option(
        "--account",
        "account_id",
        metavar="ID",
        type=click.IntRange(min=1),
        help="With --held: only those of this account.",
    ),
    click.option(
        "--platform", type=click.Choice(list(PLATFORMS)), help="With --held: only of this platform."
    ),
    click.option(
        "--since", type=click.DateTime(), help="With --held: to go out at that time or later, UTC."
    ),
    click.option(
        "--until", type=click.DateTime(), help="With --held: to go out before that time, UTC."
    ),
    click.option("--dry-run", is_flag=True, help="With --held: only count them."),
)
ActOnHeld = Callable[[Database, Services, HeldFilter], Iterator[HeldBatch]]


@dataclass(frozen=True)
class HeldAction:
    """What is done to all of them. `question` follows their number."""

    name: str
    done: str
    question: str
    run: ActOnHeld


def add_held_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose among all posts on hold."""
    for add_option in reversed(HELD_OPTIONS):
        command = add_option(command)
    return command


def require_one_form(post_ids: tuple[int, ...], *, held: bool, **filters: Any) -> None:
    """Errors: Invalid unless there are ids or --held, and filters with --held only."""
    if bool(post_ids) == held:
        raise Invalid("give post ids or --held, and not both")
    if any(filters.values()) and not held:
        raise Invalid("the filters and --dry-run choose among all posts on hold: give --held")


def act_on_held(
    action: HeldAction,
    *,
    user: str | None,
    platform: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    is_confirmed: bool,
    **filters: Any,
) -> Iterator[CommandResult]:
    """Count the posts, ask, and act on them in batches; refusals are reported one by one."""
    container = load_container()
    with (
        explain_slow_search(),
        container.database.transaction() as session,
        search_limits(session),
    ):
        user_id = None if user is None else users.find_user(session, user).id
        held_filter = HeldFilter(
            user_id=user_id, provider=platform, since=in_utc(since), until=in_utc(until), **filters
        )
        summary = HeldPosts(session).summarize(held_filter)
    if dry_run:
        yield CommandResult(f"{describe_summary(summary)} would be {action.done}", to_data(summary))
        return
    if summary.matches:
        question = f"{describe_summary(summary)}: {action.question}"
        require_confirmation(question, is_confirmed=is_confirmed)
    batches = action.run(container.database, container.services, held_filter)
    yield from report_batches(action, batches, summary)


def report_batches(
    action: HeldAction, batches: Iterator[HeldBatch], summary: HeldSummary
) -> Iterator[CommandResult]:
    """A result for each post that refuses, and one for all that did not."""
    done = refused = 0
    with show_progress() as report_step:
        for batch in batches:
            done, refused = done + len(batch.done), refused + len(batch.refused)
            report_step(action.name, done + refused, summary.matches)
            for post_id, error in batch.refused:
                text = f"post {post_id}: not {action.done}: {error.code}: {error}"
                failure = {"code": error.code, "message": str(error)}
                yield CommandResult(text, {"id": post_id, "error": failure}, ok=False)
    text = f"{done} {action.done}" + (f", {refused} not" if refused else "")
    yield CommandResult(text, {**to_data(summary), "done": done, "refused": refused})


def describe_summary(summary: HeldSummary) -> str:
    reasons = ", ".join(f"{reason} {number}" for reason, number in summary.by_reason.items())
    posts = f"{summary.matches} post{'' if summary.matches == 1 else 's'} on hold"
    return f"{posts} of {summary.accounts} accounts ({reasons})" if reasons else posts


def to_data(summary: HeldSummary) -> dict[str, Any]:
    return {
        "matches": summary.matches,
        "accounts": summary.accounts,
        "byReason": summary.by_reason,
    }
