"""Stages an incident, for operators to practise: `python -m chaos.drills NAME`.

It acts on the installation that `python -m chaos.drill_stack` runs; never in production. What to do
then is in docs/operate/incidents.md, which tests/flows/test_drills.py follows word for word.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from chaos import drill_causes
from chaos.drill_stack import DEFAULT_FOLDER, list_settings, open_drill_stack, print_exports

Action = Callable[[Any], None]

LIST_POSTS = (
    "SELECT id, state, publish_id FROM posts WHERE provider = 'tiktok' AND state <> 'CANCELLED'"
)
UPLOAD_HEADERS = {"Tus-Resumable": "1.0.0", "Upload-Length": "200000"}
CREATED = 201


class Drill(NamedTuple):
    """What begins an incident, what lets time pass, and what others than the operator do then."""

    begin: Action
    pass_time: Action | None = None
    end: Action | None = None


DRILLS: Mapping[str, Drill] = {
    "stopped-queue": Drill(drill_causes.stop_worker, pass_time=drill_causes.pass_minutes),
    "poisoned-events": Drill(drill_causes.poison_events, pass_time=drill_causes.pass_a_day),
    "dead-token-wave": Drill(
        drill_causes.revoke_tokens,
        pass_time=drill_causes.pass_an_hour,
        end=drill_causes.reconnect_creators,
    ),
    "full-media-store": Drill(drill_causes.fill_media_store, end=drill_causes.return_media_disk),
    "lost-primary": Drill(drill_causes.lose_primary, pass_time=drill_causes.end_leases),
}


@click.group(help=__doc__)
@click.option("--folder", envvar="DRILLS", type=click.Path(path_type=Path), default=DEFAULT_FOLDER)
@click.pass_context
def main(context: click.Context, *, folder: Path) -> None:
    if os.environ.get("ENVIRONMENT") == "production":
        raise click.ClickException("never in production: this makes an incident")
    context.obj = open_drill_stack(folder)


def build_command(name: str, drill: Drill) -> click.Command:
    @click.option("--pass-time", "step", flag_value="pass_time", help="Instead of waiting.")
    @click.option("--end", "step", flag_value="end", help="What others than the operator do.")
    @click.pass_obj
    def run_step(stack: Any, *, step: str | None) -> None:
        action: Action | None = getattr(drill, step or "begin")
        if action is None:
            raise click.ClickException(f"{name} has no --{(step or '').replace('_', '-')}")
        action(stack)
        click.echo(f"{name}: {(action.__doc__ or '').splitlines()[0]}")

    return click.command(name, help=drill.begin.__doc__)(run_step)


for drill_name, each_drill in DRILLS.items():
    main.add_command(build_command(drill_name, each_drill))


@main.command("settings")
@click.pass_obj
def settings_command(stack: Any) -> None:
    """Print the settings that the commands need, for `eval`."""
    print_exports(list_settings(stack))


@main.command("processes")
@click.pass_obj
def processes_command(stack: Any) -> None:
    """List the processes with their states, as `docker compose ps` does."""
    click.echo("\n".join(drill_causes.describe_processes(stack)))


@main.command("restart")
@click.argument("name")
@click.pass_obj
def restart_command(stack: Any, name: str) -> None:
    """Kill a process, and wait until the supervisor has started it again."""
    drill_causes.restart_process(stack, name)
    click.echo(f"{name} was restarted")


@main.command("post")
@click.pass_obj
def post_command(stack: Any) -> None:
    """Upload and post a video for a new creator, as an application does."""
    user = stack.create_api_user()
    answer = user.call("POST", "/api/media", headers=UPLOAD_HEADERS)
    if answer.status_code != CREATED:
        click.echo(f"the upload was refused: {answer.status_code} {answer.text}")
        return
    click.echo(f"post {user.publish_file()} was accepted")


@main.command("ledger")
@click.pass_obj
def ledger_command(stack: Any) -> None:
    """Compare all posts with what the sandbox of the platform has published."""
    published = {
        post["publish_id"]: post["published"] for post in stack.sandbox.control("posts")["posts"]
    }
    rows = stack.query(LIST_POSTS)
    verdicts = Counter(judge_post(state, published.get(key, 0)) for _, state, key in rows)
    unknown = sum(published.values()) - sum(published.get(key, 0) for _, _, key in rows)
    if unknown:
        verdicts["published, and no post of ours"] = unknown
    click.echo("\n".join(f"{count} {verdict}" for verdict, count in verdicts.items()))


def judge_post(state: str, publications: int) -> str:
    if publications > 1:
        return f"published {publications} times"
    if state == "PUBLISHED":
        return "published once" if publications else "lost"
    return "failed" if state == "FAILED" else f"waiting ({state})"


if __name__ == "__main__":
    main()
