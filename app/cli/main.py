"""The command line interface: all commands of `signalpost` except those of `local/commands.py`.

`local/commands.py` adds the commands that run all processes on one machine. Each command here is
a thin layer over `core`.
"""

import click

from app.cli.accounts import accounts_group
from app.cli.alerts import alerts_group, monitor_command
from app.cli.command_line import VERSION_OPTION, CommandLine
from app.cli.completion import completion_command
from app.cli.doctor import doctor_command
from app.cli.encryption_keys import keygen_command
from app.cli.endpoints import endpoints_group
from app.cli.events import discard_events, events_group, replay_events
from app.cli.insights import insights_command
from app.cli.keys import keys_group
from app.cli.migrate import migrate_command
from app.cli.posts import posts_group
from app.cli.tokens import tokens_group
from app.cli.upload import upload_command
from app.cli.users import users_group
from app.cli.webhooks import webhooks_group


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


COMMANDS = (
    migrate_command,
    users_group,
    accounts_group,
    keys_group,
    keygen_command,
    doctor_command,
    events_group,
    webhooks_group,
    tokens_group,
    insights_command,
    posts_group,
    endpoints_group,
    alerts_group,
    monitor_command,
    upload_command,
    completion_command,
)

for command in COMMANDS:
    cli.add_command(command)

cli.older_commands.update(user=users_group, key=keys_group)
webhooks_group.older_commands.update(replay=replay_events, discard=discard_events)
