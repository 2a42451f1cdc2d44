"""`signalpost demo`: starts a fresh stack, publishes on every platform, and checks the database."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import astuple
from pathlib import Path

import click
import requests
from rich.console import Console
from rich.table import Table

from app.cli.command import DocumentedCommand
from core.errors import OperationFailed
from local import demo_check
from local.browser import Browser
from local.demo_script import DemoScript
from local.stack import LocalStack
from local.supervisor import Supervisor
from local.up import PORT, build_options, print_addresses, running_stack
from signalpost_client import Client, ClientError


@click.command(
    cls=DocumentedCommand,
    examples=("signalpost demo", "signalpost demo --stay --port 8000"),
    failure="a post was not published, or a webhook was not applied",
)
@click.option("--stay", is_flag=True, help="Keep the stack running afterwards.")
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    default=0,
    help="Port of the web server; 0 takes any free one.",
)
def demo(port: int, *, stay: bool) -> None:
    """Publish on every platform's sandbox, and verify.

    On a stack of its own with no earlier data, which is deleted afterwards.
    """
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="signalpost-demo-"))
    options = build_options(folder, port=port, sandbox=True, flower=stay)
    console.print("Starting Postgres, Redis, web, workers, beat and the sandbox …")
    with running_stack(options) as stack:
        run_script(stack, console)
        if stay:
            print_addresses(stack)
            stack.supervisor.supervise()
    shutil.rmtree(folder)  # after an error it is kept for its logs


def run_script(stack: LocalStack, console: Console) -> None:
    """Play the script while the main thread supervises the processes.

    Errors: ClickException if a post was not published; Abort after a signal to stop.
    """
    developer, supervisor = stack.developer, stack.supervisor
    if developer is None or supervisor.should_stop:
        raise click.Abort
    options, browser = stack.options, Browser(stack.options.web_url)
    script = DemoScript(
        browser,
        Client(options.web_url, developer.api_key, sleep=script_sleep(supervisor)),
        sandbox_url=options.sandbox_url or "",
        folder=options.folder,
        console=console,
    )
    with closing(browser), script.client, ThreadPoolExecutor(1) as executor:
        future = executor.submit(script.run, developer.email, developer.password)
        supervisor.supervise(is_done=future.done)  # restarts children, so on the main thread
    try:
        post_ids = future.result()
    except (ClientError, OperationFailed, requests.RequestException) as error:
        raise click.ClickException(f"{error}\nLogs: {options.folder}/*.log") from error
    posts = demo_check.query_posts(stack.database_dsn, post_ids)
    check_published(posts, len(post_ids), console)
    check_webhooks(posts, demo_check.count_applied_events(stack.database_dsn), console)


def script_sleep(supervisor: Supervisor) -> Callable[[float], None]:
    """Return a function that waits some seconds. Errors of it: OperationFailed after a signal."""

    def sleep(seconds: float) -> None:
        if supervisor.should_stop:
            raise OperationFailed("the demo was stopped")
        time.sleep(seconds)

    return sleep


def check_published(
    posts: list[demo_check.CheckedPost], expected_count: int, console: Console
) -> None:
    """Print the rows and fail unless every post is published.

    Errors: ClickException.
    """
    columns = ("post", "platform", "kind", "state", "id there", "parts", "webhooks")
    table = Table(*columns, title="In the database")
    for post in posts:
        table.add_row(*(str(value) for value in astuple(post)))
    console.print(table)
    published_count = sum(1 for post in posts if post.is_published)
    if published_count < expected_count or published_count < len(posts):
        raise click.ClickException(f"{published_count} of {expected_count} posts are published")


def check_webhooks(
    posts: list[demo_check.CheckedPost], event_counts: Mapping[str, int], console: Console
) -> None:
    """Print how many webhook events were applied, and fail unless every platform sent some.

    Errors: ClickException.
    """
    for platform in sorted({post.platform for post in posts}):
        count = event_counts.get(platform, 0)
        console.print(f"{platform}: webhook events applied: {count}")
        if not count:
            raise click.ClickException(f"no webhook event of {platform} was applied")
