"""The console script: the operators' commands of `app`, and those that run a whole house."""

from app.cli.main import cli
from local.demo import demo
from local.up import up

cli.add_command(up)
cli.add_command(demo)


def main() -> None:
    cli(prog_name="signalpost")
