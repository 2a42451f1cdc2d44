"""Commands and groups whose help ends with examples and the meaning of the exit status.

`docs/cli.md` is generated from the same attributes by `local/cli_reference.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import click

SUCCESS_STATUS = 0
FAILURE_STATUS = 1
USAGE_STATUS = 2
INTERRUPTED_STATUS = 130  # 128 + SIGINT, as shells report it
CLOSED_OUTPUT_STATUS = 141  # 128 + SIGPIPE, as shells report it

EXIT_STATUSES: Mapping[int, str] = {
    SUCCESS_STATUS: "done",
    FAILURE_STATUS: "not done, or something is not as it should be; stderr says what",
    USAGE_STATUS: "wrong usage: an unknown command or option, a missing or malformed value",
    INTERRUPTED_STATUS: "interrupted by Ctrl-C",
    CLOSED_OUTPUT_STATUS: "whoever read the output has stopped reading, as in `… | head -1`",
}


def split_names(names: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(names.split() if isinstance(names, str) else names)


class HelpWithExamples:
    """What a command and a group add to click's own: examples, exit status, fields of `--json`.

    `failure` says what exit status 1 means. `fields` are the names in the JSON of one result, a
    trailing `?` marks those that may be absent; `item_fields` those of each element of `items`.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        failure: str = "",
        fields: str | Sequence[str] = "",
        item_fields: str | Sequence[str] = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.failure = failure or EXIT_STATUSES[FAILURE_STATUS]
        self.fields = split_names(fields)
        self.item_fields = split_names(item_fields)

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, each on a line of its own, and the exit status."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}$ {example}\n")
        with formatter.section("Exit status"):
            failed = (str(FAILURE_STATUS), self.failure)
            formatter.write_dl([(str(SUCCESS_STATUS), "done"), failed, ("2", "wrong usage")])


class DocumentedCommand(HelpWithExamples, click.Command):
    """A command that does something."""


class CommandGroup(HelpWithExamples, click.Group):
    """A group of commands. `older_commands` still work and are in no help."""

    command_class = DocumentedCommand
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.older_commands: dict[str, click.Command] = {}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self.older_commands.get(cmd_name)
