"""`signalpost upload`: upload a video to a running server and follow the post to its end."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from app.cli import tus_client
from app.cli.api_client import ApiClient
from app.cli.output import CommandResult, prints_results
from core.errors import Invalid
from platforms.secret import Secret

FINAL_STATES = frozenset({"PUBLISHED", "FAILED", "CANCELLED"})
POLL_INTERVAL = 2.0  # seconds between two queries of a post's state


@click.command("upload")
@click.argument("video", metavar="FILE_OR_URL")
@click.option(
    "--account", "account_id", type=int, required=True, help="The id of the connected account."
)
@click.option("--title", default="Uploaded from a terminal", show_default=True)
@click.option("--mode", type=click.Choice(["INBOX", "DIRECT"]), default="INBOX", show_default=True)
@click.option("--privacy", "privacy_level", help="Who may see the post; required with DIRECT.")
@click.option("--url", envvar="SIGNALPOST_URL", default="http://127.0.0.1:8000", show_default=True)
@click.option(
    "--api-key",
    envvar="SIGNALPOST_API_KEY",
    prompt="API key",
    hide_input=True,
    help="Prefer the variable SIGNALPOST_API_KEY: arguments are visible in `ps`.",
)
@click.option("--no-follow", is_flag=True, help="Exit as soon as the server has the post.")
@prints_results
def upload_command(
    video: str, *, url: str, api_key: str, no_follow: bool, **options: Any
) -> Iterator[CommandResult]:
    """Upload a video to a running server and follow it until it is published."""
    client = ApiClient(url, Secret(api_key))
    fields = {name: value for name, value in options.items() if value is not None}
    fields |= build_source_fields(client, video)
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    post = client.request_json("POST", "/api/tiktok/upload", json_body=fields, headers=headers)[
        "data"
    ]
    yield post_result(post)
    if not no_follow:
        yield from follow_post(client, int(post["id"]), post["state"])


def build_source_fields(client: ApiClient, video: str) -> dict[str, Any]:
    """Return the request's fields for the video; a file is uploaded first."""
    if video.startswith(("https://", "http://")):
        return {"source": "PULL_FROM_URL", "videoUrl": video}
    file = Path(video)
    if not file.is_file() or not file.stat().st_size:
        raise Invalid(f"{video} is not a file, or it is empty")
    return {"source": "FILE_UPLOAD", "media_id": upload_file(client, file)}


def upload_file(client: ApiClient, file: Path) -> int:
    """Upload the file, showing a progress bar, and return its media id."""
    upload_path = tus_client.create_upload(client, file)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TransferSpeedColumn(), console=console) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size)
        for offset in tus_client.send_file(client, file, upload_path):
            progress.update(task, completed=offset)
    return int(upload_path.rpartition("/")[2])


def follow_post(client: ApiClient, post_id: int, state: str) -> Iterator[CommandResult]:
    """Query the post until its state is final; yield each new state. Only PUBLISHED is ok."""
    while state not in FINAL_STATES:
        time.sleep(POLL_INTERVAL)
        post = client.request_json("GET", f"/api/posts/{post_id}")["data"]
        if post["state"] != state:
            state = post["state"]
            yield post_result(post)


def post_result(post: dict[str, Any]) -> CommandResult:
    error = post.get("error") or {}
    reason = f" ({error.get('code')}: {error.get('message')})" if error else ""
    status = f", {post['status']}" if post.get("status") not in {None, post["state"]} else ""
    text = f"post {post['id']}: {post['state']}{status}{reason}"
    return CommandResult(text, post, ok=post["state"] not in {"FAILED", "CANCELLED"})
