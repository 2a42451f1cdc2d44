"""Runs the command line, and ends it with an exit status whatever its command does."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import click
from click.shell_completion import CompletionItem

from app.cli.command import CLOSED_OUTPUT_STATUS, FAILURE_STATUS, INTERRUPTED_STATUS, CommandGroup
from app.cli.command_sources import CommandSource, CommandSources, load_object
from app.cli.failures import (
    USAGE_CODE,
    CommandFailure,
    describe_click_error,
    print_failure,
)
from app.cli.recorded_help import HelpCalls, find_recorded_help, format_recorded_help

NO_ANSWER = CommandFailure(
    USAGE_CODE, "the input ended before the question was answered", "give the value as an option"
)


FAILURE_CAUSES = "app.cli.failure_causes:describe_failure"
"""Loaded only after a failure, because it loads the core."""


class CommandLine(CommandGroup):
    """Ends with the exit statuses of docs/cli.md: no traceback for Ctrl-C or a closed pipe.

    Its commands are loaded when they are run. Their list shows the purposes of their sources.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sources = CommandSources()
        self.commands = self.sources

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self.sources.find_older(cmd_name)

    def add_sources(self, sources: Mapping[str, CommandSource]) -> None:
        """Add commands by their names, without loading them."""
        self.sources.add_sources(sources)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            names = sorted(self.sources)
            formatter.write_dl([(name, self.sources.purpose(name)) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell offers: as click does, without loading each command."""
        items = [
            CompletionItem(name, help=self.sources.purpose(name))
            for name in sorted(self.sources)
            if name.startswith(incomplete)
        ]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's own signature
        **extra: Any,
    ) -> Any:
        """Run the command of these arguments and end the process, as click's own `main` does."""
        arguments = sys.argv[1:] if args is None else list(args)
        name = prog_name or "signalpost"
        if not standalone_mode:
            return super().main(arguments, name, complete_var, standalone_mode=False, **extra)
        if (help_calls := find_recorded_help(name, arguments)) is not None:
            self.print_help(help_calls)
            sys.exit()
        as_json = "--json" in arguments
        try:
            status = super().main(arguments, name, complete_var, standalone_mode=False, **extra)
        except click.Abort as abort:
            status = report_abort(abort, as_json=as_json)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()  # a group without a command: its help
            status = error.exit_code
        except click.ClickException as error:
            print_failure(describe_click_error(error), as_json=as_json)
            status = error.exit_code
        except Exception as error:
            failure = load_object(FAILURE_CAUSES)(error)
            if failure is None:
                raise
            print_failure(failure, as_json=as_json)
            status = FAILURE_STATUS
        sys.exit(status if isinstance(status, int) else 0)

    def print_help(self, calls: HelpCalls) -> None:
        with quiet_end_of_output():
            context = click.Context(self, **self.context_settings)
            click.echo(format_recorded_help(calls, context.make_formatter()))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with quiet_end_of_output():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with quiet_end_of_output():
            return super().invoke(ctx)


def report_abort(abort: click.Abort, *, as_json: bool) -> int:
    """Return the exit status of a command that was interrupted, or that got no answer."""
    causes = (abort.__cause__, abort.__context__)
    if any(isinstance(cause, EOFError) for cause in causes):
        print_failure(NO_ANSWER, as_json=as_json)
        return click.UsageError.exit_code
    click.echo("Interrupted.", err=True)
    return INTERRUPTED_STATUS


@contextmanager
def quiet_end_of_output() -> Iterator[None]:
    """End the command without a word once nobody reads its output any more.

    Errors: Exit.
    """
    try:
        yield
    except BrokenPipeError as error:
        # What is still in the buffer goes nowhere: Python writes it out when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(CLOSED_OUTPUT_STATUS) from error


def print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own signature
    if value and not context.resilient_parsing:
        click.echo(f"signalpost {version('signalpost')}")
        context.exit()


VERSION_OPTION = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version and exit.",
)
