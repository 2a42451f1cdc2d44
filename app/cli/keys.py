"""`signalpost keys`: API keys of programs that act for a user."""

import click

from app.cli.command import CommandGroup
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.runtime import load_container
from app.serialize.keys import serialize_key
from core.errors import Invalid, NotFound
from core.identity import api_keys, users
from core.scopes import OPERATOR_SCOPES, SCOPES
from db.identity.api_keys import ApiKeys

USER_OPTION = click.option(
    "--user", required=True, metavar="ID|EMAIL", help="The owner's id or e-mail."
)
ANY_USER_OPTION = click.option("--user", metavar="ID|EMAIL", help="Only keys of this user.")


@click.group("keys", cls=CommandGroup)
def keys_group() -> None:
    """API keys of programs that act for a user."""


@keys_group.command(
    "add",
    examples=("signalpost keys add ci --user eve@example.org --scope posts:read",),
    fields="id key scopes",
)
@click.argument("name")
@USER_OPTION
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(SCOPES),
    help="What the key may do; may be repeated.",
)
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


@keys_group.command(
    "list",
    examples=("signalpost keys list", "signalpost keys list --user 17 --json"),
    item_fields="id name prefix scopes expiresAt lastUsedAt revokedAt createdAt userId",
)
@ANY_USER_OPTION
@prints_results
def list_keys(user: str | None) -> CommandResult:
    """List the keys of a user, or of all, newest first.

    The keys themselves are not stored, and cannot be shown.
    """
    with load_container().database.transaction() as session:
        owner_id = None if user is None else users.find_user(session, user).id
        rows = [
            {**serialize_key(row), "userId": row.user_id}
            for row in ApiKeys(session).list_all(owner_id)
        ]
    lines = [
        f"key {row['id']}: {row['name']} ({row['prefix']}…) of user {row['userId']}, "
        f"{' '.join(row['scopes'])}{' revoked' if row['revokedAt'] else ''}"
        for row in rows
    ]
    return list_result(rows, lines, empty="no keys")


@keys_group.command(
    "revoke",
    examples=("signalpost keys revoke 17", "signalpost keys revoke --all --user eve@example.org"),
    fields="revoked",
)
@click.argument("key_ids", metavar="ID...", nargs=-1, type=click.IntRange(min=1), required=False)
@ANY_USER_OPTION
@click.option("is_all", "--all", is_flag=True, help="Revoke all keys of the user.")
@prints_results
def revoke_keys(key_ids: tuple[int, ...], user: str | None, *, is_all: bool) -> CommandResult:
    """Revoke keys, immediately and for good.

    Without a question, so that a key in wrong hands is out of use at once: make another one.
    """
    if is_all == bool(key_ids) or (is_all and user is None):
        raise Invalid("name ids of keys, or give --all with --user")
    with load_container().database.transaction() as session:
        owner_id = None if user is None else users.find_user(session, user).id
        known = {row.id: row for row in ApiKeys(session).list_all(owner_id)}
        active = [key_id for key_id, row in known.items() if row.revoked_at is None]
        revoked = active if is_all else list(key_ids)
        for key_id in revoked:
            if key_id not in known:
                raise NotFound(f"there is no key {key_id}: `signalpost keys list` shows them")
            api_keys.revoke_api_key(session, key_id, user_id=known[key_id].user_id)
    return CommandResult(f"revoked {len(revoked)} keys", {"revoked": revoked})
