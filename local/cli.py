"""The console script `signalpost`: the commands of `app.cli`, plus `up` and `demo`."""

from app.cli.main import cli
from local.demo import demo
from local.up import up

__all__ = ["cli", "main"]

cli.add_command(up)
cli.add_command(demo)


def main() -> None:
    cli(prog_name="signalpost")


if __name__ == "__main__":  # `python -m local.run_role local.cli …`, with the secrets of a role
    main()
