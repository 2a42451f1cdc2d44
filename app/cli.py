"""The operators' commands, on one screen. Each lives in `app/commands/`, none holds any logic.

`local/cli.py` adds what runs the whole house on one machine.
"""

import click

from app.commands.alerts import alerts
from app.commands.doctor import doctor
from app.commands.endpoints import endpoints
from app.commands.insights import insights
from app.commands.people import key, user
from app.commands.posts import posts
from app.commands.schema import migrate
from app.commands.sealing import keygen
from app.commands.tokens import tokens
from app.commands.upload import upload
from app.commands.webhooks import webhooks


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
