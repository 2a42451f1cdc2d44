"""The command line interface: all commands of `signalpost` except those of `local/commands.py`.

`local/commands.py` adds the commands that run all processes on one machine. Each command here is
a thin layer over `core`.
"""

import click

from app.cli.command_line import VERSION_OPTION, CommandLine
from app.cli.command_sources import CommandSource

COMMANDS = {
    "migrate": CommandSource(
        "app.cli.migrate:migrate_command", "Upgrade the database schema, remove it, or check it."
    ),
    "users": CommandSource(
        "app.cli.users:users_group",
        "Users, their passwords and their sessions.",
        older_names=("user",),
    ),
    "accounts": CommandSource(
        "app.cli.accounts:accounts_group", "Connected accounts of all users."
    ),
    "keys": CommandSource(
        "app.cli.keys:keys_group", "API keys of programs that act for a user.", older_names=("key",)
    ),
    "keygen": CommandSource(
        "app.cli.encryption_keys:keygen_command",
        "Generate a new TOKEN_ENCRYPTION_KEY: 32 bytes in base64.",
    ),
    "doctor": CommandSource(
        "app.cli.doctor:doctor_command", "Find faults of this installation, and say what to do."
    ),
    "events": CommandSource(
        "app.cli.events:events_group", "Webhook events of the platforms, as stored."
    ),
    "webhooks": CommandSource(
        "app.cli.webhooks:webhooks_group", "Apply the webhook events that are due."
    ),
    "tokens": CommandSource(
        "app.cli.tokens:tokens_group", "Access tokens of accounts, and the keys that encrypt them."
    ),
    "insights": CommandSource(
        "app.cli.insights:insights_command", "Fetch the metrics that are due."
    ),
    "posts": CommandSource("app.cli.posts:posts_group", "Posts of all users."),
    "endpoints": CommandSource(
        "app.cli.endpoints:endpoints_group", "URLs of host applications that receive events."
    ),
    "alerts": CommandSource("app.cli.alerts:alerts_group", "Alerts for operators."),
    "monitor": CommandSource(
        "app.cli.alerts:monitor_command",
        "Judge the alert conditions and send notices, all the time.",
    ),
    "pause": CommandSource(
        "app.cli.pauses:pause_command", "Let workers take nothing of a platform or a queue."
    ),
    "resume": CommandSource(
        "app.cli.pauses:resume_command",
        "Let workers take the work of a platform or a queue again.",
    ),
    "pauses": CommandSource(
        "app.cli.pauses:pauses_command", "List what is paused, since when and why."
    ),
    "upload": CommandSource(
        "app.cli.upload:upload_command", "Post files or URLs, and follow the post to its end."
    ),
    "completion": CommandSource(
        "app.cli.completion:completion_command",
        "Print the script that completes commands in a shell.",
    ),
}
"""The commands, with the beginnings of their help: those are shown without loading a command."""


@click.group(
    "signalpost",
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=("signalpost demo", "signalpost up --sandbox", "signalpost doctor"),
)
@VERSION_OPTION
def cli() -> None:
    """Publish posts to connected accounts and follow what became of each.

    `signalpost COMMAND --help` explains a command with examples; docs/cli.md has all of them.
    """


cli.add_sources(COMMANDS)
