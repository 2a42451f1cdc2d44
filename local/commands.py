"""All commands of `signalpost`: those of `app.cli`, plus `up` and `demo`."""

from app.cli.command_sources import CommandSource
from app.cli.main import cli

__all__ = ["cli"]

LOCAL_COMMANDS = {
    "up": CommandSource("local.up:up", "Start everything on this machine, and keep it running."),
    "demo": CommandSource("local.demo:demo", "Publish on every platform's sandbox, and verify."),
}

cli.add_sources(LOCAL_COMMANDS)
