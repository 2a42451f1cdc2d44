"""The command line interface: all commands of `signalpost` except those of `local/cli.py`.

`local/cli.py` adds the commands that run all processes on one machine. Each command here is a thin
layer over `core`.
"""

import click

from app.cli.accounts import accounts_group
from app.cli.alerts import alerts_group, monitor_command
from app.cli.doctor import doctor_command
from app.cli.encryption_keys import keygen_command
from app.cli.endpoints import endpoints_group
from app.cli.insights import insights_command
from app.cli.keys import key_group
from app.cli.migrate import migrate_command
from app.cli.posts import posts_group
from app.cli.tokens import tokens_group
from app.cli.upload import upload_command
from app.cli.users import user_group
from app.cli.webhooks import webhooks_group


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Publish posts to connected accounts and follow what became of each."""


COMMANDS = (
    migrate_command,
    user_group,
    accounts_group,
    key_group,
    keygen_command,
    doctor_command,
    webhooks_group,
    tokens_group,
    insights_command,
    posts_group,
    endpoints_group,
    alerts_group,
    monitor_command,
    upload_command,
)

for command in COMMANDS:
    cli.add_command(command)
