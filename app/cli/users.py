"""`signalpost user` and `signalpost key`: add users and API keys. Users are added nowhere else."""

import secrets
import sys

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core.errors import Invalid, NotFound
from core.identity import api_keys, users
from core.identity.principals import SCOPES
from db.identity.users import User, Users
from db.session import Session
from platforms.secret import Secret


@click.group("user")
def user_group() -> None:
    """Users with a login."""


@user_group.command("add")
@click.argument("email")
@click.option("is_admin", "--admin", is_flag=True, help="Make the user an administrator.")
@click.option("from_stdin", "--password-stdin", is_flag=True, help="Read the password from stdin.")
@prints_results
def add_user(email: str, *, is_admin: bool, from_stdin: bool) -> CommandResult:
    """Add a user. Without a password on stdin or at the prompt one is generated and shown once."""
    password, is_generated = read_password(from_stdin=from_stdin)
    with load_container().database.transaction() as session:
        row = users.create_user(session, email, password=password, is_admin=is_admin)
    password_field = {"password": password.reveal()} if is_generated else {}
    text = f"user {row.id}: {email}" + (
        f"\npassword: {password_field['password']}" if is_generated else ""
    )
    return CommandResult(
        text, {"id": row.id, "email": email, "isAdmin": is_admin, **password_field}
    )


def read_password(*, from_stdin: bool) -> tuple[Secret, bool]:
    """Return the password, and whether it was generated.

    It is never an argument of the command: arguments are visible in `ps`.
    """
    if from_stdin:
        return Secret(sys.stdin.readline().rstrip("\r\n")), False
    if sys.stdin.isatty():
        entered = click.prompt(
            "Password (empty: generate one)",
            hide_input=True,
            confirmation_prompt=True,
            default="",
            show_default=False,
            err=True,
        )
        if entered:
            return Secret(entered), False
    return Secret(secrets.token_urlsafe(15)), True


def get_user(session: Session, email: str) -> User:
    """Return the user with this e-mail. Errors: NotFound."""
    user = Users(session).get_by_email(email)
    if user is None:
        raise NotFound(f"no user has the e-mail {email}")
    return user


@click.group("key")
def key_group() -> None:
    """API keys of programs that act for a user."""


@key_group.command("add")
@click.argument("name")
@click.option("--user", "email", required=True, help="The owner's e-mail.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES))
@prints_results
def add_key(name: str, email: str, scopes: tuple[str, ...]) -> CommandResult:
    """Create a key; it is shown once."""
    with load_container().database.transaction() as session:
        owner = get_user(session, email)
        if "admin" in scopes and not owner.is_admin:
            raise Invalid(f"{email} is not an administrator: the scope admin is not allowed")
        row, secret = api_keys.create_api_key(session, owner.id, name=name, scopes=scopes)
    return CommandResult(
        secret.reveal(), {"id": row.id, "key": secret.reveal(), "scopes": row.scopes}
    )
