"""`signalpost up`: the house in the foreground, until somebody asks it to stop."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from core.errors import Misconfigured
from local.child import DidNotStart
from local.ground import Held
from local.house import House
from local.ports import free_port, listens
from local.programs import Site
from local.settings import Said
from local.supervisor import tell

FOLDER = Path(__file__).resolve().parents[1] / ".signalpost"


@click.command()
@click.option("--port", default=8000, show_default=True, help="Of the web process; 0: any free.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=FOLDER, help="Where it lives.")
@click.option("--sandbox", is_flag=True, help="With imitations of the platforms, and a user.")
@click.option("--flower/--no-flower", default=True, help="The workers' dashboard.")
@click.option("--workers", default=2, show_default=True, help="Processes for short tasks.")
@click.option("--uploads", default=1, show_default=True, help="Processes that send films.")
@click.option("--json", "as_json", is_flag=True, help="One line on stdout when all of it answers.")
def up(
    port: int,
    data_dir: Path,
    *,
    sandbox: bool,
    flower: bool,
    workers: int,
    uploads: int,
    as_json: bool,
) -> None:
    """Start everything on this machine and keep it running."""
    site = a_site(
        data_dir, port=port, sandbox=sandbox, flower=flower, workers=workers, uploads=uploads
    )
    with running(site) as house:
        if not house.supervisor.stopping:
            print(json.dumps(line(house)), flush=True) if as_json else greet(house)
        house.supervisor.watch()
        tell("stopping")


def a_site(
    folder: Path, *, port: int = 0, sandbox: bool, flower: bool, workers: int = 2, uploads: int = 1
) -> Site:
    """Errors: ClickException if the port is somebody else's."""
    if port and listens(port):
        raise click.ClickException(f"port {port} is in use; --port 0 takes any free one")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Site(
        folder.resolve(),
        web=port or free_port(),
        sandbox=free_port() if sandbox else 0,
        flower=free_port() if flower else 0,
        workers=workers,
        uploads=uploads,
    )


@contextmanager
def running(site: Site) -> Iterator[House]:
    """Open inside, closed afterwards, whatever happens in between.

    Errors: ClickException, saying what to do.
    """
    try:
        house = House(site, Said.here())
    except Held:
        other = f"another house lives in {site.folder}; stop it, or choose another --data-dir"
        raise click.ClickException(other) from None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: setattr(house.supervisor, "stopping", True))
    try:
        house.open()
        yield house
    except (DidNotStart, Misconfigured) as error:
        raise click.ClickException(str(error)) from error
    finally:
        house.close()


def line(house: House) -> dict[str, Any]:
    """What a program needs to know; surface.md names each key."""
    somebody = house.developer
    return {
        "ready": True,
        "web": house.site.web_url,
        "sandbox": house.site.sandbox_url,
        "flower": house.site.flower_url,
        "database": house.database,
        "broker": house.broker,
        "user": somebody and somebody.email,
        "password": somebody and somebody.password,
        "api_key": somebody and somebody.api_key,
        "pids": {name: child.pid for name, child in house.supervisor.children.items()},
    }


def greet(house: House) -> None:
    """What a person needs to know; the logs are files."""
    told = line(house)
    for name in ("web", "sandbox", "flower", "user", "password", "api_key"):
        if told[name]:
            tell(f"{name:9} {told[name]}")
    tell(f"logs      {house.site.folder}/*.log\nCtrl-C stops all of it.")
