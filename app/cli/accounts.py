"""`signalpost accounts`: list connected accounts of any user, and disconnect one."""

from typing import Any

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from app.cli.users import require_confirmation
from core.accounts.disconnect import CANCEL_QUEUED, PARK_QUEUED, disconnect_account
from core.errors import NotFound
from core.identity import users
from db.accounts.accounts import Account, Accounts


@click.group("accounts")
def accounts_group() -> None:
    """Connected accounts."""


@accounts_group.command("list")
@click.option("--user", metavar="ID|EMAIL", help="Only those of this user.")
@prints_results
def list_accounts(user: str | None) -> CommandResult:
    """List connected accounts by id, whether their grant is still valid or not."""
    with load_container().database.transaction() as session:
        user_id = None if user is None else users.find_user(session, user).id
        rows = [serialize_account(row) for row in Accounts(session).list_connected(user_id)]
    lines = [
        f"account {row['id']}: {row['provider']} {row['name'] or row['openId']}, "
        f"user {row['userId']}, {row['status']}"
        for row in rows
    ]
    return CommandResult("\n".join(lines) or "no connected accounts", {"accounts": rows})


@accounts_group.command("disconnect")
@click.argument("account_id", metavar="ID", type=click.IntRange(min=1))
@click.option("should_erase", "--erase", is_flag=True, help="Delete all that is stored of it.")
@click.option("should_cancel", "--cancel-posts", is_flag=True, help="Cancel its queued posts.")
@click.option("is_confirmed", "--yes", is_flag=True, help="Do not ask: disconnect.")
@prints_results
def disconnect_command(
    account_id: int, *, should_erase: bool, should_cancel: bool, is_confirmed: bool
) -> CommandResult:
    """Disconnect the account of any user, so that somebody else can connect it.

    The grant is revoked at the platform. Its posts are parked, or cancelled if that is asked for.
    """
    container = load_container()
    with container.database.transaction() as session:
        account = Accounts(session).get(account_id)
    if account is None:
        raise NotFound(f"there is no account {account_id}: `signalpost accounts list` names them")
    verb = "Erase" if should_erase else "Disconnect"
    require_confirmation(
        f"{verb} account {account_id} of user {account.user_id} at {account.provider}?",
        is_confirmed=is_confirmed,
    )
    result = disconnect_account(
        container.database,
        container.services,
        user_id=account.user_id,
        provider=account.provider,
        account_id=account_id,
        erase=should_erase,
        queued_posts=CANCEL_QUEUED if should_cancel else PARK_QUEUED,
    )
    revoked = "revoked" if result.is_revoked else "not revoked"
    text = (
        f"account {account_id} is disconnected, its grant {revoked} at the platform; "
        f"{result.parked_posts} posts parked, {result.cancelled_posts} cancelled"
    )
    data = {
        "id": account_id,
        "isRevoked": result.is_revoked,
        "parkedPosts": result.parked_posts,
        "cancelledPosts": result.cancelled_posts,
    }
    return CommandResult(text, data)


def serialize_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "userId": account.user_id,
        "provider": account.provider,
        "openId": account.open_id,
        "name": account.details.get("display_name"),
        "status": account.status,
        "statusCause": account.status_cause,
        "connectedAt": account.created_at,
    }
