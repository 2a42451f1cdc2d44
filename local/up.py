"""`signalpost up`: runs all of signalpost in the foreground until SIGTERM, SIGINT or SIGHUP."""

import json
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from app.cli.command import DocumentedCommand
from core.config.garbage_collection import exclude_loaded_objects
from core.config.process_privacy import hide_process_memory
from core.errors import Misconfigured
from local.child import DidNotStart
from local.ports import find_free_port, find_port_fault
from local.processes import StackOptions
from local.stack import LocalStack
from local.stack_settings import GivenSettings
from local.supervisor import print_status
from local.user_and_folders import FolderInUse

PORT = click.IntRange(0, 65535)
PROCESSES = click.IntRange(min=1)
DEFAULT_DATA_DIR = Path(__file__).resolve().parents[1] / ".signalpost"


@click.command(
    cls=DocumentedCommand,
    examples=("signalpost up --sandbox", "signalpost up --port 0 --json"),
    failure="the stack did not start",
    fields="ready web sandbox flower database broker user password api_key pids",
)
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    default=8000,
    show_default=True,
    help="Port of the web server; 0 takes any free one.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA_DIR,
    help="Folder for databases, generated secrets, media files and logs.  [default: .signalpost]",
)
@click.option(
    "--sandbox",
    is_flag=True,
    help="Start the platforms' sandbox and create a development user with an API key.",
)
@click.option("--flower/--no-flower", default=True, help="Start Flower, the workers' dashboard.")
@click.option(
    "--workers",
    type=PROCESSES,
    metavar="NUMBER",
    default=2,
    show_default=True,
    help="Worker processes for short tasks.",
)
@click.option(
    "--uploads",
    type=PROCESSES,
    metavar="NUMBER",
    default=1,
    show_default=True,
    help="Worker processes that send videos.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON line on stdout when all is ready."
)
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
    """Start everything on this machine, and keep it running.

    That is databases, web server, workers, beat and Flower, until SIGTERM or Ctrl-C.
    """
    options = build_options(
        data_dir, port=port, sandbox=sandbox, flower=flower, workers=workers, uploads=uploads
    )
    with running_stack(options) as stack:
        if not stack.supervisor.should_stop:
            if as_json:
                print(json.dumps(ready_fields(stack)), flush=True)
            else:
                print_addresses(stack)
        stack.supervisor.supervise()
        print_status("stopping")


def build_options(
    folder: Path, *, port: int = 0, sandbox: bool, flower: bool, workers: int = 2, uploads: int = 1
) -> StackOptions:
    """Choose free ports and create the folder. Errors: ClickException for a port that is in use, or
    that only root may use.
    """
    if port and (fault := find_port_fault(port)):
        raise click.ClickException(
            f"port {port} {fault}; choose another with --port, or --port 0 for any free one"
        )
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
    """Start a stack, and stop it on exit or error. Signals to stop set `should_stop`.

    Errors: ClickException.
    """
    hide_process_memory()
    try:
        stack = LocalStack(options, GivenSettings.from_environment())
    except FolderInUse:
        raise click.ClickException(
            f"another stack is using {options.folder}; stop it, or choose another --data-dir"
        ) from None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: setattr(stack.supervisor, "should_stop", True))
    try:
        stack.start()
        exclude_loaded_objects()
        yield stack
    except (DidNotStart, Misconfigured) as error:
        raise click.ClickException(str(error)) from error
    finally:
        stack.stop()


def ready_fields(stack: LocalStack) -> dict[str, Any]:
    """Return the fields of the `--json` line, for programs. They are public: docs/surface.md."""
    developer = stack.developer
    return {
        "ready": True,
        "web": stack.options.web_url,
        "sandbox": stack.options.sandbox_url,
        "flower": stack.options.flower_url,
        "database": stack.database_dsn,
        "broker": stack.broker_url,
        "user": developer.email if developer else None,
        "password": developer.password if developer else None,
        "api_key": developer.api_key if developer else None,
        "pids": {name: child.pid for name, child in stack.supervisor.children.items()},
    }


def print_addresses(stack: LocalStack) -> None:
    """Print the addresses, the sign-in and the place of the logs, for people."""
    fields = ready_fields(stack)
    for name in ("web", "sandbox", "flower", "user", "password", "api_key"):
        if fields[name]:
            print_status(f"{name:9} {fields[name]}")
    print_status(f"logs      {stack.options.folder}/*.log")
    exports = shlex.quote(str(stack.exports_path))
    print_status(f"commands  . {exports}   (in another shell; then: signalpost doctor)")
    print_status("Press Ctrl-C to stop.")
