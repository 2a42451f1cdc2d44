"""`signalpost upload`: post files or URLs by a running server and follow the post to its end."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from app.cli.command import DocumentedCommand
from app.cli.failures import FAILED_CODE, CommandFailed, CommandFailure
from app.cli.output import CommandResult, prints_results
from core.errors import Invalid
from platforms.platform import OlderArgument
from platforms.registry import PLATFORMS
from signalpost_client import ApiError, Client, ClientError, ConnectionLost, RepeatPolicy
from signalpost_client.data_types import DetailedPostData, RequestedPostData
from signalpost_client.errors import UnexpectedResponse

REPEATS = RepeatPolicy(max_repeats=3)  # a person waits, so a server that is away is soon named
OLDER_ARGUMENTS = [
    argument for platform in PLATFORMS.values() for argument in platform.older_arguments
]


def accepts_older_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the older arguments of all platforms, which the help does not show."""
    for argument in OLDER_ARGUMENTS:
        command = click.option(f"--{argument.name}", argument.name, hidden=True)(command)
    return command


def require_api_key(
    _context: click.Context, _parameter: click.Parameter, api_key: str | None
) -> str:
    """Ask for the key at a terminal, hiding what is typed. Errors: UsageError without one."""
    if api_key:
        return api_key
    if not sys.stdin.isatty():
        raise click.UsageError("no API key: set SIGNALPOST_API_KEY, or give --api-key")
    entered: str = click.prompt("API key", hide_input=True, err=True)
    return entered


@click.command(
    "upload",
    cls=DocumentedCommand,
    examples=(
        "signalpost upload clip.mp4 --account 17 --title 'Hello'",
        "signalpost upload https://cdn.example.org/a.jpg --account 17 --option privacy=private",
    ),
    failure="the post was not published, or the server refused it",
)
@click.argument("media", metavar="FILE_OR_URL...", nargs=-1, required=True)
@click.option(
    "--account", "account_id", metavar="ID", type=int, help="The id of the connected login."
)
@click.option(
    "--destination",
    "destination_id",
    metavar="ID",
    type=int,
    help="The id of an account behind it.",
)
@click.option("--platform", help="The platform, if the account does not say it.")
@click.option("--kind", help="The kind of post; without it the files decide.")
@click.option(
    "--title",
    "--text",
    "text",
    default="Uploaded from a terminal",
    show_default=True,
    help="The text of the post.",
)
@click.option(
    "--option",
    "options",
    metavar="NAME=VALUE",
    multiple=True,
    help="A field of the platform, as in the API; the value is JSON or text.",
)
@accepts_older_arguments
@click.option(
    "--url",
    envvar="SIGNALPOST_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="The address of the server; also SIGNALPOST_URL.",
)
@click.option(
    "--api-key",
    envvar="SIGNALPOST_API_KEY",
    callback=require_api_key,
    help="Prefer the variable SIGNALPOST_API_KEY: arguments are visible in `ps`.",
)
@click.option("--no-follow", is_flag=True, help="Exit as soon as the server has the post.")
@prints_results
def upload_command(
    media: Sequence[str], *, url: str, api_key: str, no_follow: bool, **fields: Any
) -> Iterator[CommandResult]:
    """Post files or URLs, and follow the post to its end.

    A running server does the work. Each new state of the post is a line of output, with --json
    the post as `GET /api/posts/<id>` has it.
    """
    with convert_client_errors(), open_client(url, api_key) as client:
        content = build_request(fields)
        content["media"] = [build_media(client, item) for item in media]
        post = client.posts.create(**content)
        yield post_result(post)
        if not no_follow:
            yield from follow_post(client, post["id"], post["state"])


def open_client(url: str, api_key: str) -> Client:
    """Errors: Invalid."""
    try:
        return Client(url, api_key, repeats=REPEATS)
    except ValueError as error:
        raise Invalid(str(error)) from error


@contextmanager
def convert_client_errors() -> Iterator[None]:
    """Raise the errors of the client as those that commands print."""
    try:
        yield
    except ClientError as error:
        raise CommandFailed(describe_client_error(error)) from error


def describe_client_error(error: ClientError) -> CommandFailure:
    match error:
        case ApiError():
            return CommandFailure(error.code, error.user_message, error.suggestion or None)
        case ConnectionLost():
            advice = "check --url, and that the server runs"
            return CommandFailure("SERVICE_UNAVAILABLE", str(error), advice)
        case UnexpectedResponse():
            return CommandFailure("INVALID_RESPONSE", str(error))
        case _:
            return CommandFailure(FAILED_CODE, str(error))


def build_request(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the request without the media. Errors: Invalid."""
    fields["options"] = dict(parse_option(text) for text in fields["options"])
    for argument in OLDER_ARGUMENTS:
        value = fields.pop(argument.name)
        if value is not None:
            apply_older_argument(fields, argument, value)
    return {name: value for name, value in fields.items() if value}


def apply_older_argument(fields: dict[str, Any], argument: OlderArgument, value: str) -> None:
    """Set what an older argument means; `--kind` wins over it."""
    if argument.option is not None:
        fields["options"][argument.option] = value
    elif fields["kind"] is None:
        fields["kind"] = argument.kind_pattern.format(value)


def parse_option(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise Invalid("an option must be NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def build_media(client: Client, item: str) -> str | int:
    """Return a media item of the request; a file is uploaded first."""
    if item.startswith(("https://", "http://")):
        return item
    file = Path(item)
    if not file.is_file() or not file.stat().st_size:
        raise Invalid(f"{item} is not a file, or it is empty")
    return upload_file(client, file)


def upload_file(client: Client, file: Path) -> int:
    """Upload the file, showing a progress bar, and return its media id."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    is_hidden = not sys.stderr.isatty()
    with Progress(*columns, TransferSpeedColumn(), console=console, disable=is_hidden) as progress:
        task = progress.add_task(file.name, total=None)
        return client.media.upload(
            file,
            on_progress=lambda arrived, size: progress.update(task, completed=arrived, total=size),
        )


def follow_post(client: Client, post_id: int, state: str) -> Iterator[CommandResult]:
    """Query the post until its state is final; yield each new state. Only PUBLISHED is ok."""
    for post in client.posts.follow(post_id, timeout=math.inf):
        if post["state"] != state:
            state = post["state"]
            yield post_result(post)


def post_result(post: RequestedPostData | DetailedPostData) -> CommandResult:
    error = post["error"]
    reason = f" ({error['code']}: {error['message']})" if error else ""
    status = f", {post['status']}" if post["status"] != post["state"] else ""
    text = f"post {post['id']}: {post['state']}{status}{reason}"
    return CommandResult(text, {**post}, ok=post["state"] not in {"FAILED", "CANCELLED"})
