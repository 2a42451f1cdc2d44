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
from local.ports import find_free_port, is_port_in_use
from local.processes import StackOptions
from local.stack import LocalStack
from local.stack_settings import GivenSettings
from local.supervisor import print_status
from local.user_and_folders import FolderInUse

DEFAULT_DATA_DIR = Path(__file__).resolve().parents[1] / ".signalpost"


@click.command()
@click.option("--port", default=8000, show_default=True, help="Of the web process; 0: any free.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=DEFAULT_DATA_DIR, help="Where it lives."
)
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
    options = build_options(
        data_dir, port=port, sandbox=sandbox, flower=flower, workers=workers, uploads=uploads
    )
    with running_stack(options) as stack:
        if not stack.supervisor.should_stop:
            print(json.dumps(ready_fields(stack)), flush=True) if as_json else print_addresses(
                stack
            )
        stack.supervisor.supervise()
        print_status("stopping")


def build_options(
    folder: Path, *, port: int = 0, sandbox: bool, flower: bool, workers: int = 2, uploads: int = 1
) -> StackOptions:
    """Errors: ClickException if the port is somebody else's."""
    if port and is_port_in_use(port):
        raise click.ClickException(f"port {port} is in use; --port 0 takes any free one")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return StackOptions(
        folder.resolve(),
        web_port=port or find_free_port(),
        sandbox_port=find_free_port() if sandbox else 0,
        flower_port=find_free_port() if flower else 0,
        worker_processes=workers,
        upload_processes=uploads,
    )


@contextmanager
def running_stack(options: StackOptions) -> Iterator[LocalStack]:
    """Open inside, closed afterwards, whatever happens in between.

    Errors: ClickException, saying what to do.
    """
    try:
        stack = LocalStack(options, GivenSettings.from_environment())
    except FolderInUse:
        message = f"another house lives in {options.folder}; stop it, or choose another --data-dir"
        raise click.ClickException(message) from None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: setattr(stack.supervisor, "should_stop", True))
    try:
        stack.start()
        yield stack
    except (DidNotStart, Misconfigured) as error:
        raise click.ClickException(str(error)) from error
    finally:
        stack.stop()


def ready_fields(stack: LocalStack) -> dict[str, Any]:
    """What a program needs to know; surface.md names each key."""
    developer = stack.developer
    return {
        "ready": True,
        "web": stack.options.web_url,
        "sandbox": stack.options.sandbox_url,
        "flower": stack.options.flower_url,
        "database": stack.database_dsn,
        "broker": stack.broker_url,
        "user": developer and developer.email,
        "password": developer and developer.password,
        "api_key": developer and developer.api_key,
        "pids": {name: child.pid for name, child in stack.supervisor.children.items()},
    }


def print_addresses(stack: LocalStack) -> None:
    """What a person needs to know; the logs are files."""
    fields = ready_fields(stack)
    for name in ("web", "sandbox", "flower", "user", "password", "api_key"):
        if fields[name]:
            print_status(f"{name:9} {fields[name]}")
    print_status(f"logs      {stack.options.folder}/*.log\nCtrl-C stops all of it.")
