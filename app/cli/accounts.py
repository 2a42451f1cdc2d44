"""`signalpost accounts`: list connected accounts of any user, and disconnect one."""

from typing import Any

import click

from app.api.admin import serialize_admin_account
from app.cli.command import CommandGroup
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.runtime import load_container
from core import audit
from core.accounts.disconnect import CANCEL_QUEUED, PARK_QUEUED, disconnect_account
from core.errors import NotFound
from core.identity import users
from db.accounts.accounts import Account, Accounts

ACCOUNT_DETAILS_FIELDS = (
    "id userId provider openId scope status statusCause hasAccessToken hasRefreshToken expiresAt "
    "refreshExpiresAt refreshDueAt refreshFailures lastRefreshError lastRefreshedAt disconnectedAt "
    "createdAt"
)


@click.group("accounts", cls=CommandGroup)
def accounts_group() -> None:
    """Connected accounts of all users."""


@accounts_group.command(
    "list",
    examples=("signalpost accounts list", "signalpost accounts list --user eve@example.org --json"),
    item_fields="id userId provider openId name status statusCause connectedAt",
)
@click.option("--user", metavar="ID|EMAIL", help="Only those of this user.")
@prints_results
def list_accounts(user: str | None) -> CommandResult:
    """List connected accounts, with an expired grant too."""
    with load_container().database.transaction() as session:
        user_id = None if user is None else users.find_user(session, user).id
        rows = [serialize_account(row) for row in Accounts(session).list_connected(user_id)]
    lines = [
        f"account {row['id']}: {row['provider']} {row['name'] or row['openId']}, "
        f"user {row['userId']}, {row['status']}"
        for row in rows
    ]
    return list_result(rows, lines, empty="no connected accounts")


@accounts_group.command(
    "show", examples=("signalpost accounts show 17",), fields=ACCOUNT_DETAILS_FIELDS
)
@click.argument("account_id", metavar="ID", type=click.IntRange(min=1))
@prints_results
def show_account(account_id: int) -> CommandResult:
    """Show an account with the state of its grant, without tokens.

    That it was read is in the audit log.
    """
    with load_container().database.transaction() as session:
        account = Accounts(session).get(account_id)
        if account is None:
            raise NotFound(f"there is no account {account_id}")
        audit.record_action(session, "account.read", subject=f"account:{account_id}")
    data = serialize_admin_account(account)
    width = max(map(len, data))
    lines = [f"{name:{width}}  {value}" for name, value in data.items() if value is not None]
    return CommandResult("\n".join(lines), data)


@accounts_group.command(
    "disconnect",
    examples=(
        "signalpost accounts disconnect 17",
        "signalpost accounts disconnect 17 --erase --yes",
    ),
    fields="id isRevoked parkedPosts cancelledPosts",
)
@click.argument("account_id", metavar="ID", type=click.IntRange(min=1))
@click.option("should_erase", "--erase", is_flag=True, help="Delete all that is stored of it.")
@click.option("should_cancel", "--cancel-posts", is_flag=True, help="Cancel its queued posts.")
@YES_OPTION
@prints_results
def disconnect_command(
    account_id: int, *, should_erase: bool, should_cancel: bool, is_confirmed: bool
) -> CommandResult:
    """Disconnect the account of any user.

    Somebody else can connect it afterwards. The grant is revoked at the platform. Its posts are
    parked, or cancelled if that is asked for.
    """
    container = load_container()
    with container.database.transaction() as session:
        account = Accounts(session).get(account_id)
    if account is None:
        raise NotFound(f"there is no account {account_id}")
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
