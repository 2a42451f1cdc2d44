"""Repeats erasures and revocations in a restored database, which is older than they are."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.accounts.erasure import erase_logins, erase_own_login
from core.accounts.user_erasure import delete_user
from core.bootstrap import Services
from core.crypto import KeyRing
from core.identity.users import disable_user
from core.removal_list import Removal, RemovalKind, hash_subject, identify_row
from db.accounts.accounts import Accounts
from db.identity.api_keys import ApiKeys
from db.identity.users import User, Users
from db.ops.data_deletions import DataDeletions
from db.ops.restored_rows import RestoredRows
from db.session import Session
from db.user_erasure import UserErasure


@dataclass(frozen=True)
class RepeatedRemovals:
    """How many rows were found and removed again, or shut out."""

    keys: int = 0
    users: int = 0
    disabled_users: int = 0
    logins: int = 0
    people: int = 0

    def describe(self) -> str:
        return (
            f"{self.people} people, {self.users} users and {self.logins} connections erased, "
            f"{self.disabled_users} users disabled, {self.keys} keys revoked"
        )


class RemovalIndex:
    """Finds what was removed by the hash of its subject."""

    def __init__(self, removals: Sequence[Removal], key_ring: KeyRing) -> None:
        self._key_ring = key_ring
        self._times: dict[RemovalKind, dict[str, datetime]] = defaultdict(dict)
        for removal in removals:  # in the order of time: the last one counts
            self._times[removal.kind][removal.subject_hash] = removal.at

    def find_time(self, kind: RemovalKind, *subject: object) -> datetime | None:
        """Return when the subject was removed last; None if it was not."""
        times = self._times.get(kind)
        if not times:
            return None
        found = (times.get(each) for each in hash_subject(self._key_ring, kind, *subject))
        return next((time for time in found if time is not None), None)


def repeat_removals(
    session: Session, services: Services, removals: Sequence[Removal]
) -> RepeatedRemovals:
    """Remove again what the list names. No platform is called: they know it already.

    Webhook events of erased people follow with the housekeeping.
    """
    if not removals:
        return RepeatedRemovals()
    index = RemovalIndex(removals, services.key_ring)
    users = repeat_user_erasures(session, services, index)
    logins = repeat_login_erasures(session, services, index)
    people = repeat_requests_of_people(session, services, index)
    disabled = repeat_disabling(session, index)
    keys = repeat_revocations(session, index)
    return RepeatedRemovals(keys, users, disabled, logins, people)


def repeat_user_erasures(session: Session, services: Services, index: RemovalIndex) -> int:
    erased = [
        user
        for user in Users(session).list_all()
        if index.find_time(RemovalKind.USER, *identify_row(user)) is not None
    ]
    for user in erased:
        accounts = Accounts(session).list_all_of_user(user.id)
        for account in accounts:
            erase_own_login(session, account, services)
        UserErasure(session).release_media(user.id)
        delete_user(session, user, accounts=len(accounts))
    return len(erased)


def repeat_login_erasures(session: Session, services: Services, index: RemovalIndex) -> int:
    erased = [
        account
        for account in RestoredRows(session).list_accounts()
        if index.find_time(RemovalKind.LOGIN, *identify_row(account)) is not None
    ]
    for account in erased:
        erase_own_login(session, account, services)
    return len(erased)


def repeat_requests_of_people(session: Session, services: Services, index: RemovalIndex) -> int:
    """Erase everything of people whose platform requested it, unless they came back since."""
    people = find_erased_people(RestoredRows(session), index)
    for provider, person_id in people:
        request = DataDeletions(session).add(
            secrets.token_hex(16), provider=provider, person_id=person_id
        )
        if request is not None:
            erase_logins(session, request, services)
    return len(people)


def find_erased_people(rows: RestoredRows, index: RemovalIndex) -> Sequence[tuple[str, str]]:
    """Return platforms with ids of people, of logins and of those that only events name."""
    people: dict[tuple[str, str], bool] = {}
    for account in rows.list_accounts():
        for name in (account.open_id, *account.aliases):
            removed_at = index.find_time(RemovalKind.PERSON, account.provider, name)
            if removed_at is not None:
                key = (account.provider, name)
                people[key] = people.get(key, True) and account.created_at <= removed_at
    for provider, name in rows.list_people_of_events():
        if index.find_time(RemovalKind.PERSON, provider, name) is not None:
            people.setdefault((provider, name), True)
    return [key for key, is_gone in people.items() if is_gone]


def repeat_disabling(session: Session, index: RemovalIndex) -> int:
    """Shut out who was disabled since the backup and not enabled afterwards."""
    disabled = 0
    for user in Users(session).list_all():
        off = index.find_time(RemovalKind.DISABLED, *identify_row(user))
        on = index.find_time(RemovalKind.ENABLED, *identify_row(user))
        if off is not None and (on is None or on < off) and user.disabled_at is None:
            disable_user(session, user.id)
            disabled += 1
    return disabled


def repeat_revocations(session: Session, index: RemovalIndex) -> int:
    """Revoke single keys, and those of users whose access was ended."""
    ended = find_ended_access(Users(session).list_all(), index)
    keys, revoked = ApiKeys(session), 0
    for key in keys.list_all(None):
        until = ended.get(key.user_id)
        is_of_ended = until is not None and key.created_at <= until
        if key.revoked_at is None and (is_of_ended or index.find_time(RemovalKind.KEY, key.hash)):
            keys.revoke(key.id, user_id=key.user_id)
            revoked += 1
    return revoked


def find_ended_access(users: Sequence[User], index: RemovalIndex) -> Mapping[int, datetime]:
    times = {user.id: index.find_time(RemovalKind.ACCESS, *identify_row(user)) for user in users}
    return {user_id: at for user_id, at in times.items() if at is not None}
