"""Users and their API keys from a terminal: the only way a user comes into being."""

import secrets
import sys

import click

from app.commands.around import house
from app.commands.spoken import Said, spoken
from core.errors import Invalid, NotFound
from core.people import keys, users
from core.people.callers import SCOPES
from db.users import Users
from platforms.secret import Secret


@click.group
def user() -> None:
    """People with a login."""


@user.command("add")
@click.argument("email")
@click.option("is_admin", "--admin", is_flag=True, help="May administrate.")
@click.option("from_stdin", "--password-stdin", is_flag=True, help="Read the password from stdin.")
@spoken
def add_user(email: str, *, is_admin: bool, from_stdin: bool) -> Said:
    """Add a user. Without a password on stdin or at the prompt one is made and shown once."""
    password, is_made = chosen(from_stdin=from_stdin)
    with house().database.transaction() as session:
        row = users.add(session, email, password=password, is_admin=is_admin)
    shown = {"password": password.reveal()} if is_made else {}
    text = f"user {row.id}: {email}" + (f"\npassword: {shown['password']}" if is_made else "")
    return Said(text, {"id": row.id, "email": email, "isAdmin": is_admin, **shown})


def chosen(*, from_stdin: bool) -> tuple[Secret, bool]:
    """The password, and whether we made it up. Never an argument: those show in `ps`."""
    if from_stdin:
        return Secret(sys.stdin.readline().rstrip("\r\n")), False
    if sys.stdin.isatty():
        typed = click.prompt(
            "Password (empty: make one)",
            hide_input=True,
            confirmation_prompt=True,
            default="",
            show_default=False,
            err=True,
        )
        if typed:
            return Secret(typed), False
    return Secret(secrets.token_urlsafe(15)), True


@click.group
def key() -> None:
    """API keys of programs that act for a user."""


@key.command("add")
@click.argument("name")
@click.option("--user", "email", required=True, help="Whose key it is, by e-mail.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES))
@spoken
def add_key(name: str, email: str, scopes: tuple[str, ...]) -> Said:
    """Make a key; it is shown this once."""
    with house().database.transaction() as session:
        owner = Users(session).by_email(email)
        if owner is None:
            raise NotFound(f"no user has the e-mail {email}")
        if "admin" in scopes and not owner.is_admin:
            raise Invalid(f"{email} is no administrator")
        row, made = keys.make(session, owner.id, name=name, scopes=scopes)
    return Said(made.reveal(), {"id": row.id, "key": made.reveal(), "scopes": row.scopes})
