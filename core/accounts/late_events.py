"""Webhook events that arrive after an erasure: they are stored without content until the account is
connected again. For that a keyed hash of each id is kept.
"""

from collections.abc import Collection

from core.bootstrap import Services
from db.accounts.accounts import Accounts
from db.session import Session
from db.webhooks.erased_subjects import ErasedSubjects


def omit_events(session: Session, provider: str, ids: Collection[str], services: Services) -> None:
    """Have later events about these ids stored without content, unless a login still uses an id."""
    accounts = Accounts(session)
    unused = [each for each in ids if not accounts.list_by_any_id(provider, each)]
    # With the current key: the others are about to be dropped.
    hashes = [services.key_ring.hash_id(provider, each)[0] for each in unused]
    ErasedSubjects(session).add(hashes)


def accept_events(
    session: Session, provider: str, ids: Collection[str], services: Services
) -> None:
    """Have events about these ids stored whole: the account has been connected again."""
    hashes = [each for name in ids for each in services.key_ring.hash_id(provider, name)]
    ErasedSubjects(session).delete(hashes)
