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

from app.commands.wire import Wire
from core.errors import Away, Failed
from local import truth
from local.browser import Browser
from local.house import House
from local.story import Story
from local.up import a_site, greet, running
from platforms.secret import Secret


@click.command()
@click.option("--stay", is_flag=True, help="Keep the house running afterwards.")
@click.option("--port", default=0, help="Of the web process; 0: any free one.")
def demo(port: int, *, stay: bool) -> None:
    """Connect an account, publish three films, and prove it. In a house that is new every time."""
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="signalpost-demo-"))
    site = a_site(folder, port=port, sandbox=True, flower=stay)
    console.print("starting Postgres, Redis, web, workers, beat and the sandbox …")
    with running(site) as house:
        play(house, console)
        if stay:
            greet(house)
            house.supervisor.watch()
    shutil.rmtree(folder)  # kept if something went wrong: the logs are there


def play(house: House, console: Console) -> None:
    """Errors: ClickException if a post was not published; Abort if we are told to stop."""
    who, supervisor = house.developer, house.supervisor
    if who is None or supervisor.stopping:
        raise click.Abort
    site, browser = house.site, Browser(house.site.web_url)
    story = Story(
        browser,
        Wire(site.web_url, Secret(who.api_key)),
        sandbox=site.sandbox_url or "",
        folder=site.folder,
        console=console,
        stopping=lambda: supervisor.stopping,
    )
    with closing(browser), ThreadPoolExecutor(1) as teller:
        told = teller.submit(story.tell, who.email, who.password)
        supervisor.watch(until=told.done)  # from here: children belong to the main thread
    try:
        posts = told.result()
    except (Away, Failed, requests.RequestException) as error:
        raise click.ClickException(f"{error}\nThe logs: {site.folder}/*.log") from error
    judge(truth.ask(house.database, posts), len(posts), console)


def judge(found: list[truth.Truth], wanted: int, console: Console) -> None:
    """What the database says is what counts."""
    table = Table("post", "state", "TikTok says", "webhooks", title="In the database")
    for each in found:
        table.add_row(str(each.post_id), each.state, str(each.status), str(each.webhooks))
    console.print(table)
    if len(found) < wanted or not all(each.is_published for each in found):
        raise click.ClickException("not everything was published")
