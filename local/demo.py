"""`signalpost demo`: starts a fresh stack, publishes on every platform, and checks the database."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
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
from local.supervisor import Supervisor, print_status
from local.up import PORT, build_options, print_addresses, running_stack
from signalpost_client import Client, ClientError

LOG_PATTERN = "*.log"


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
    with disposable_folder() as folder:
        options = build_options(folder, port=port, sandbox=True, flower=stay)
        console.print("Starting Postgres, Redis, web, workers, beat and the sandbox …")
        with running_stack(options) as stack:
            run_script(stack, console)
            if stay:
                print_addresses(stack)
                stack.supervisor.supervise()


@contextmanager
def disposable_folder() -> Iterator[Path]:
    """A new folder that is deleted at the end, also after Ctrl-C. After a failure it is kept for
    its logs, if there are any.
    """
    folder = Path(tempfile.mkdtemp(prefix="signalpost-demo-"))
    is_kept = False
    try:
        yield folder
    except Exception as error:
        is_kept = not isinstance(error, click.Abort) and any(folder.glob(LOG_PATTERN))
        raise
    finally:
        if is_kept:
            print_status(f"logs      {folder / LOG_PATTERN}")
        else:
            shutil.rmtree(folder)


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
        if supervisor.should_stop:
            raise click.Abort from error
        raise click.ClickException(str(error)) from error
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
