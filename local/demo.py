"""`signalpost demo`: the whole house and the whole story; ends well only if the database agrees."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import click
import requests
from rich.console import Console
from rich.table import Table

from app.cli.api_client import ApiClient
from core.errors import OperationFailed, ServiceUnavailable
from local import demo_check
from local.browser import Browser
from local.demo_script import DemoScript
from local.stack import LocalStack
from local.up import build_options, print_addresses, running_stack
from platforms.secret import Secret


@click.command()
@click.option("--stay", is_flag=True, help="Keep the house running afterwards.")
@click.option("--port", default=0, help="Of the web process; 0: any free one.")
def demo(port: int, *, stay: bool) -> None:
    """Connect an account, publish three films, and prove it. In a house that is new every time."""
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="signalpost-demo-"))
    options = build_options(folder, port=port, sandbox=True, flower=stay)
    console.print("starting Postgres, Redis, web, workers, beat and the sandbox …")
    with running_stack(options) as stack:
        run_script(stack, console)
        if stay:
            print_addresses(stack)
            stack.supervisor.supervise()
    shutil.rmtree(folder)  # kept if something went wrong: the logs are there


def run_script(stack: LocalStack, console: Console) -> None:
    """Errors: ClickException if a post was not published; Abort if we are told to stop."""
    developer, supervisor = stack.developer, stack.supervisor
    if developer is None or supervisor.should_stop:
        raise click.Abort
    options, browser = stack.options, Browser(stack.options.web_url)
    script = DemoScript(
        browser,
        ApiClient(options.web_url, Secret(developer.api_key)),
        sandbox_url=options.sandbox_url or "",
        folder=options.folder,
        console=console,
        should_stop=lambda: supervisor.should_stop,
    )
    with closing(browser), ThreadPoolExecutor(1) as executor:
        future = executor.submit(script.run, developer.email, developer.password)
        supervisor.supervise(is_done=future.done)  # from here: children belong to the main thread
    try:
        post_ids = future.result()
    except (ServiceUnavailable, OperationFailed, requests.RequestException) as error:
        raise click.ClickException(f"{error}\nThe logs: {options.folder}/*.log") from error
    check_published(demo_check.query_posts(stack.database_dsn, post_ids), len(post_ids), console)


def check_published(
    posts: list[demo_check.CheckedPost], expected_count: int, console: Console
) -> None:
    """What the database says is what counts."""
    table = Table("post", "state", "TikTok says", "webhooks", title="In the database")
    for post in posts:
        table.add_row(
            str(post.post_id), post.state, str(post.platform_status), str(post.webhook_count)
        )
    console.print(table)
    if len(posts) < expected_count or not all(post.is_published for post in posts):
        raise click.ClickException("not everything was published")
