"""`signalpost key`: API keys of programs that act for a user."""

from typing import Any

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core.errors import Invalid
from core.identity import api_keys, users
from core.scopes import OPERATOR_SCOPES, SCOPES
from db.identity.api_keys import ApiKey

USER_OPTION = click.option(
    "--user", required=True, metavar="ID|EMAIL", help="The owner's id or e-mail."
)


@click.group("key")
def key_group() -> None:
    """API keys of programs that act for a user."""


@key_group.command("add")
@click.argument("name")
@USER_OPTION
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES))
@prints_results
def add_key(name: str, user: str, scopes: tuple[str, ...]) -> CommandResult:
    """Create a key; it is shown once."""
    with load_container().database.transaction() as session:
        owner = users.find_user(session, user)
        refused = sorted(OPERATOR_SCOPES & set(scopes))
        if refused and not owner.is_admin:
            raise Invalid(
                f"user {owner.id} is not an administrator: {', '.join(refused)} not allowed"
            )
        row, secret = api_keys.create_api_key(session, owner.id, name=name, scopes=scopes)
    return CommandResult(
        secret.reveal(), {"id": row.id, "key": secret.reveal(), "scopes": row.scopes}
    )


@key_group.command("list")
@USER_OPTION
@prints_results
def list_keys(user: str) -> CommandResult:
    """List the keys of a user, newest first, without the keys themselves."""
    with load_container().database.transaction() as session:
        owner = users.find_user(session, user)
        rows = [serialize_key(row) for row in api_keys.list_api_keys(session, owner.id)]
    lines = [
        f"key {row['id']}: {row['name']} ({row['prefix']}…) {' '.join(row['scopes'])}"
        + (" revoked" if row["revokedAt"] else "")
        for row in rows
    ]
    return CommandResult("\n".join(lines) or "no keys", {"keys": rows})


@key_group.command("revoke")
@click.argument("key_ids", metavar="ID...", nargs=-1, type=click.IntRange(min=1), required=False)
@USER_OPTION
@click.option("is_all", "--all", is_flag=True, help="Revoke all keys of the user.")
@prints_results
def revoke_keys(key_ids: tuple[int, ...], user: str, *, is_all: bool) -> CommandResult:
    """Revoke keys of a user, immediately and permanently."""
    if is_all == bool(key_ids):
        raise Invalid("name ids of keys, or give --all")
    with load_container().database.transaction() as session:
        owner = users.find_user(session, user)
        active = [row.id for row in api_keys.list_api_keys(session, owner.id) if not row.revoked_at]
        revoked = active if is_all else list(key_ids)
        for key_id in revoked:
            api_keys.revoke_api_key(session, key_id, user_id=owner.id)
    return CommandResult(f"revoked {len(revoked)} keys of user {owner.id}", {"revoked": revoked})


def serialize_key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": f"{api_keys.KEY_PREFIX}{key.prefix}",
        "scopes": key.scopes,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
        "createdAt": key.created_at,
    }
