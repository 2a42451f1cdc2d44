"""`signalpost users`: add people, shut them out, end their sessions, erase them.

Users are added nowhere else.
"""

import secrets
import sys
from typing import Any

import click

from app.cli.command import CommandGroup
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.runtime import load_container
from core.accounts.user_erasure import erase_user, hold_posts
from core.identity import login_sessions, passwords, users
from db.identity.users import User, Users
from db.session import Session
from platforms.secret import Secret

USER_ARGUMENT = click.argument("user", metavar="ID|EMAIL")
STDIN_OPTION = click.option(
    "from_stdin", "--password-stdin", is_flag=True, help="Read the password from stdin."
)

USER_FIELDS = "id email claimedEmail isAdmin hasPassword hostSubject disabledAt createdAt"


@click.group("users", cls=CommandGroup)
def users_group() -> None:
    """Users, their passwords and their sessions."""


@users_group.command(
    "add",
    examples=(
        "signalpost users add eve@example.org",
        "signalpost users add eve@example.org --admin --password-stdin < password.txt",
    ),
    fields="id email isAdmin password?",
)
@click.argument("email")
@click.option("is_admin", "--admin", is_flag=True, help="Make the user an administrator.")
@STDIN_OPTION
@prints_results
def add_user(email: str, *, is_admin: bool, from_stdin: bool) -> CommandResult:
    """Add a user, and show a generated password once.

    It is valid for three days, in which the person has to change it. None is generated where one
    is given on stdin or at the prompt.
    """
    password, is_generated = read_password(from_stdin=from_stdin)
    with load_container().database.transaction() as session:
        row = users.create_user(
            session, email, password=password, is_admin=is_admin, is_generated=is_generated
        )
    data = {"id": row.id, "email": email, "isAdmin": is_admin}
    return with_generated_password(f"user {row.id}: {email}", data, password, visible=is_generated)


@users_group.command(
    "list",
    examples=("signalpost users list", "signalpost users list --json"),
    item_fields=USER_FIELDS,
)
@prints_results
def list_users() -> CommandResult:
    """List all users, with those of the host application."""
    with load_container().database.transaction() as session:
        rows = [serialize_user(row) for row in Users(session).list_all()]
    lines = [f"user {row['id']}: {row['email']}{describe_state(row)}" for row in rows]
    return list_result(rows, lines, empty="no users")


@users_group.command(
    "show",
    examples=("signalpost users show eve@example.org",),
    fields=f"{USER_FIELDS} sessions",
)
@USER_ARGUMENT
@prints_results
def show_user(user: str) -> CommandResult:
    """Show a user with the sessions that have not ended."""
    with load_container().database.transaction() as session:
        row = users.find_user(session, user)
        data = serialize_user(row) | {"sessions": serialize_sessions(session, row)}
    lines = [f"user {row.id}: {row.email}{describe_state(data)}"]
    return CommandResult("\n".join(lines + describe_sessions(data["sessions"])), data)


@users_group.command(
    "disable",
    examples=(
        "signalpost users disable eve@example.org",
        "signalpost users disable 17 --hold-posts",
    ),
    fields="id isDisabled parkedPosts",
)
@USER_ARGUMENT
@click.option("should_hold", "--hold-posts", is_flag=True, help="Park the user's queued posts.")
@prints_results
def disable_user(user: str, *, should_hold: bool) -> CommandResult:
    """Shut a user out at once.

    Sessions end, keys are revoked, tokens of the host application are refused. Queued posts
    still go out, unless they are parked; then the user has to release them later.
    """
    with load_container().database.transaction() as session:
        row = users.disable_user(session, users.find_user(session, user).id)
        parked = hold_posts(session, row.id) if should_hold else 0
    text = f"user {row.id} is disabled" + (f", {parked} posts parked" if should_hold else "")
    return CommandResult(text, {"id": row.id, "isDisabled": True, "parkedPosts": parked})


@users_group.command(
    "enable", examples=("signalpost users enable eve@example.org",), fields="id isDisabled"
)
@USER_ARGUMENT
@prints_results
def enable_user(user: str) -> CommandResult:
    """Let a user sign in again.

    Sessions and keys from before stay ended and revoked. It also ends the pause after too many
    wrong passwords.
    """
    with load_container().database.transaction() as session:
        row = users.enable_user(session, users.find_user(session, user).id)
    return CommandResult(f"user {row.id} is enabled", {"id": row.id, "isDisabled": False})


@users_group.command(
    "password",
    examples=(
        "signalpost users password eve@example.org",
        "signalpost users password 17 --password-stdin < password.txt",
    ),
    fields="id password?",
)
@USER_ARGUMENT
@STDIN_OPTION
@prints_results
def replace_password(user: str, *, from_stdin: bool) -> CommandResult:
    """Give a user another password.

    Sessions end, keys are revoked. One that is generated is valid for three days, in which the
    person has to change it.
    """
    password, is_generated = read_password(from_stdin=from_stdin)
    database = load_container().database
    with database.transaction() as session:
        row = users.find_user(session, user)
    users.replace_password(database, row.id, password, is_generated=is_generated)
    text = f"user {row.id} has another password"
    return with_generated_password(text, {"id": row.id}, password, visible=is_generated)


@users_group.command(
    "sessions",
    examples=(
        "signalpost users sessions eve@example.org",
        "signalpost users sessions eve@example.org --end",
    ),
    fields="id ended sessions",
)
@USER_ARGUMENT
@click.option("should_end", "--end", is_flag=True, help="End all of them.")
@prints_results
def list_user_sessions(user: str, *, should_end: bool) -> CommandResult:
    """List the signed-in browsers of a user, or end them all."""
    with load_container().database.transaction() as session:
        row = users.find_user(session, user)
        listed = serialize_sessions(session, row)
        if should_end:
            login_sessions.end_other_sessions(session, row.id, current_id=None)
    verb = "ended" if should_end else "signed in"
    lines = [f"user {row.id}: {len(listed)} {verb}", *describe_sessions(listed)]
    return CommandResult("\n".join(lines), {"id": row.id, "ended": should_end, "sessions": listed})


@users_group.command(
    "erase",
    examples=("signalpost users erase eve@example.org",),
    fields="id accounts files notRevoked",
)
@USER_ARGUMENT
@YES_OPTION
@prints_results
def erase_user_command(user: str, *, is_confirmed: bool) -> CommandResult:
    """Erase a user with everything of theirs, for good.

    That is connections, posts, files, keys and notifications. Connections are revoked at the
    platforms. Nothing can be restored.
    """
    container = load_container()
    with container.database.transaction() as session:
        row = users.find_user(session, user)
    require_confirmation(
        f"Erase user {row.id} ({row.email}) with all their data?", is_confirmed=is_confirmed
    )
    erased = erase_user(container.database, container.services, row.id)
    text = f"user {row.id} is erased: {erased.accounts} connections, {erased.files} files"
    if erased.unrevoked:
        text += f"; {erased.unrevoked} not revoked at the platform: their owner can do that there"
    data = {
        "id": row.id,
        "accounts": erased.accounts,
        "files": erased.files,
        "notRevoked": erased.unrevoked,
    }
    return CommandResult(text, data)


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
            passwords.check_password_form(Secret(entered))
            passwords.check_password_strength(Secret(entered))
            return Secret(entered), False
    return Secret(secrets.token_urlsafe(15)), True


def with_generated_password(
    text: str, data: dict[str, Any], password: Secret, *, visible: bool
) -> CommandResult:
    """Add a password that was generated, which is shown now and never again."""
    if not visible:
        return CommandResult(text, data)
    value = password.reveal()
    days = users.INITIAL_PASSWORD_LIFETIME.days
    note = f"password: {value}\nvalid for {days} days, until the person has changed it"
    return CommandResult(f"{text}\n{note}", data | {"password": value})


def serialize_user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "claimedEmail": user.claimed_email,
        "isAdmin": user.is_admin,
        "hasPassword": user.password_hash is not None,
        "hostSubject": user.jwt_subject,
        "disabledAt": user.disabled_at,
        "createdAt": user.created_at,
    }


def serialize_sessions(session: Session, user: User) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "ip": row.ip,
            "userAgent": row.user_agent,
            "seenAt": row.seen_at,
            "createdAt": row.created_at,
            "expiresAt": row.expires_at,
        }
        for row in login_sessions.list_sessions(session, user.id)
    ]


def describe_state(user: dict[str, Any]) -> str:
    """Return what is special about a user, as an addition to a line."""
    claimed = f"says {user['claimedEmail']}" if user["claimedEmail"] else ""
    words = (
        "administrator" if user["isAdmin"] else "",
        f"of the host application {claimed}".strip() if user["hostSubject"] else "",
        f"disabled since {user['disabledAt']:%Y-%m-%d %H:%M} UTC" if user["disabledAt"] else "",
    )
    listed = ", ".join(word for word in words if word)
    return f" ({listed})" if listed else ""


def describe_sessions(sessions: list[dict[str, Any]]) -> list[str]:
    return [
        f"  session {row['id']}: {row['userAgent'] or 'unknown browser'}"
        f", {row['ip'] or 'no address'}, last seen {row['seenAt']:%Y-%m-%d %H:%M} UTC"
        for row in sessions
    ]
