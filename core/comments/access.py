"""What a call about a comment needs: the platform's adapter for comments, and a valid token."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.accounts.destination_access import (
    DestinationAccess,
    call_for_destination,
    open_destination,
)
from core.bootstrap import Services
from core.errors import Misconfigured
from db.session import Database
from platforms.comments import Comments
from platforms.publishing import Capability
from platforms.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True)
class CommentAccess:
    comments: Comments
    account: DestinationAccess

    @property
    def token(self) -> Secret:
        return self.account.token


def open_access(
    database: Database,
    services: Services,
    *,
    provider: str,
    account_id: int | None,
    destination_id: int,
    capability: Capability,
) -> CommentAccess:
    """Return what a call needs. Errors: Misconfigured; those of `open_destination`."""
    comments = services.get_adapter(provider).comments
    if comments is None:
        raise Misconfigured(f"{provider} offers no comments")
    account = open_destination(
        database,
        services,
        provider=provider,
        account_id=account_id,
        destination_id=destination_id,
        capability=capability,
    )
    return CommentAccess(comments, account)


def call_platform(database: Database, access: CommentAccess, operation: Callable[[], T]) -> T:
    """Make a call. Errors: those of `call_for_destination`."""
    return call_for_destination(database, access.account, operation)
