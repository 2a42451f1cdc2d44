"""`signalpost completion`: the script with which a shell completes commands, options and values."""

from collections.abc import Mapping

import click
from click.shell_completion import get_completion_class

from app.cli.command import DocumentedCommand

COMPLETION_VARIABLE = "_SIGNALPOST_COMPLETE"
"""The variable with which the script asks for completions: click's name for it."""

INSTALL_HINTS: Mapping[str, str] = {
    "bash": 'add to ~/.bashrc:  eval "$(signalpost completion bash)"',
    "zsh": 'add to ~/.zshrc, after compinit:  eval "$(signalpost completion zsh)"',
    "fish": "signalpost completion fish > ~/.config/fish/completions/signalpost.fish",
}


def format_hints() -> str:
    return "\n".join(f"{shell:4}  {hint}" for shell, hint in INSTALL_HINTS.items())


@click.command(
    "completion",
    cls=DocumentedCommand,
    help=(
        "Print the script that completes commands in a shell.\n\n"
        f"To install it:\n\n\b\n{format_hints()}"
    ),
    examples=('eval "$(signalpost completion bash)"', "signalpost completion zsh"),
)
@click.argument("shell", type=click.Choice(list(INSTALL_HINTS)))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    completion_class = get_completion_class(shell)
    if completion_class is None:  # pragma: no cover - click has all three
        raise click.ClickException(f"there are no completions for {shell}")
    program = context.find_root().info_name or "signalpost"
    completion = completion_class(context.find_root().command, {}, program, COMPLETION_VARIABLE)
    click.echo(completion.source())
