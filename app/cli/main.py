"""The operators' commands, on one screen. Each lives in `app/commands/`, none holds any logic.

`local/cli.py` adds what runs the whole house on one machine.
"""

import click

from app.cli.alerts import alerts
from app.cli.doctor import doctor
from app.cli.encryption_keys import keygen
from app.cli.endpoints import endpoints
from app.cli.insights import insights
from app.cli.migrate import migrate
from app.cli.posts import posts
from app.cli.tokens import tokens
from app.cli.upload import upload
from app.cli.users import key, user
from app.cli.webhooks import webhooks


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Connects TikTok and Instagram accounts, and says truthfully what was posted."""


COMMANDS = (
    migrate,
    user,
    key,
    keygen,
    doctor,
    webhooks,
    tokens,
    insights,
    posts,
    endpoints,
    alerts,
    upload,
)

for command in COMMANDS:
    cli.add_command(command)
