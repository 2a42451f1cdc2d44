"""The console script `signalpost`: the commands of `app.cli`, plus `up` and `demo`."""

from app.cli.main import cli
from local.demo import demo
from local.up import up

cli.add_command(up)
cli.add_command(demo)


def main() -> None:
    cli(prog_name="signalpost")
