"""Which accounts may be sampled: connected, usable, and with the scopes that this needs."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, cast, false, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, Text

from db.accounts.accounts import Account, AccountStatus
from db.accounts.destinations import DestinationStatus
from db.records.instagram_tables import InstagramAccount

ScopeSets = Collection[frozenset[str]]
"""Sets of scopes; a login needs one of the sets as a whole."""

ROWS: Any = InstagramAccount


def select_instagram_accounts() -> Select[Any]:
    return (
        select(ROWS.oauth_account_id.label("account_id"), ROWS.id.label("destination_id"))
        .join(Account, Account.id == ROWS.oauth_account_id)
        .where(
            ROWS.disconnected_at.is_(None),
            ROWS.selected,
            ROWS.status == DestinationStatus.ACTIVE,
        )
    )


TARGETS: Mapping[str, Callable[[], Select[Any]]] = {"instagram": select_instagram_accounts}
"""Platform → its accounts. On a platform that is missing here the login itself is the account."""


def select_targets(provider: str, scope_sets: ScopeSets) -> Select[Any]:
    """Select `account_id` and `destination_id` of a platform's accounts that may be sampled."""
    own_accounts = TARGETS.get(provider, select_logins)()
    return own_accounts.where(
        Account.provider == provider,
        Account.status == AccountStatus.ACTIVE,
        or_(false(), *(has_scopes(scopes) for scopes in scope_sets)),
    )


def select_logins() -> Select[Any]:
    none = cast(null(), BigInteger).label("destination_id")
    account_id: Any = Account.id
    query: Select[Any] = select(account_id.label("account_id"), none)
    return query


def has_scopes(scopes: frozenset[str]) -> ColumnElement[bool]:
    granted: Any = func.string_to_array(func.replace(Account.scope, " ", ""), ",")
    needed = cast(literal(sorted(scopes), ARRAY(Text)), ARRAY(Text))
    return and_(granted.op("@>")(needed))
