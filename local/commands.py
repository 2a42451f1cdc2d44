"""All commands of `signalpost`: those of `app.cli`, plus `up` and `demo`."""

from app.cli.main import cli
from local.demo import demo
from local.up import up

__all__ = ["cli"]

cli.add_command(up)
cli.add_command(demo)
