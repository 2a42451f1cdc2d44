"""`signalpost upload`: a film or its address goes through a running house, followed to its end."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from app.commands import tus
from app.commands.spoken import Said, spoken
from app.commands.wire import Wire
from core.errors import Invalid
from platforms.secret import Secret

FINAL = frozenset({"PUBLISHED", "FAILED", "CANCELLED"})
PAUSE = 2.0  # seconds between two looks at a post


@click.command
@click.argument("film", metavar="FILE_OR_URL")
@click.option("--account", "account_id", type=int, required=True, help="The connected account.")
@click.option("--title", default="Uploaded from a terminal", show_default=True)
@click.option("--mode", type=click.Choice(["INBOX", "DIRECT"]), default="INBOX", show_default=True)
@click.option("--privacy", "privacy_level", help="Who may see it; needed with DIRECT.")
@click.option("--url", envvar="SIGNALPOST_URL", default="http://127.0.0.1:8000", show_default=True)
@click.option(
    "--api-key",
    envvar="SIGNALPOST_API_KEY",
    prompt="API key",
    hide_input=True,
    help="Better given as SIGNALPOST_API_KEY: arguments show in `ps`.",
)
@click.option("--no-follow", is_flag=True, help="End as soon as the house has the post.")
@spoken
def upload(film: str, *, url: str, api_key: str, no_follow: bool, **wish: Any) -> Iterator[Said]:
    """Upload a film through a running house and follow it until it is really out."""
    wire = Wire(url, Secret(api_key))
    asked = {name: value for name, value in wish.items() if value is not None}
    asked |= source(wire, film)
    once = {"Idempotency-Key": str(uuid.uuid4())}
    post = wire.ask("POST", "/api/tiktok/upload", said=asked, headers=once)["data"]
    yield told(post)
    if not no_follow:
        yield from follow(wire, int(post["id"]), post["state"])


def source(wire: Wire, film: str) -> dict[str, Any]:
    """What the request says of the film; a file is brought to the house first."""
    if film.startswith(("https://", "http://")):
        return {"source": "PULL_FROM_URL", "videoUrl": film}
    file = Path(film)
    if not file.is_file() or not file.stat().st_size:
        raise Invalid(f"{film} is no file with anything in it")
    return {"source": "FILE_UPLOAD", "media_id": brought(wire, file)}


def brought(wire: Wire, file: Path) -> int:
    """The id the house gave the file, once all of it is there."""
    place = tus.create(wire, file)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TransferSpeedColumn(), console=console) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size)
        for offset in tus.send(wire, file, place):
            progress.update(task, completed=offset)
    return int(place.rpartition("/")[2])


def follow(wire: Wire, post_id: int, state: str) -> Iterator[Said]:
    """Each new state; only PUBLISHED is a success."""
    while state not in FINAL:
        time.sleep(PAUSE)
        post = wire.ask("GET", f"/api/posts/{post_id}")["data"]
        if post["state"] != state:
            state = post["state"]
            yield told(post)


def told(post: dict[str, Any]) -> Said:
    error = post.get("error") or {}
    why = f" ({error.get('code')}: {error.get('message')})" if error else ""
    status = f", {post['status']}" if post.get("status") not in {None, post["state"]} else ""
    text = f"post {post['id']}: {post['state']}{status}{why}"
    return Said(text, post, ok=post["state"] not in {"FAILED", "CANCELLED"})
