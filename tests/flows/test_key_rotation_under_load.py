"""A thousand tokens change their key while workers refresh them: none is lost or unreadable."""

import secrets
import threading

import pytest
from sqlalchemy import func, select, update

from core.accounts.key_rotation import rotate_keys
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.crypto import KeyRing, access_token_context, refresh_token_context
from core.encryption_keys import generate_key
from core.jobs.runner import run_jobs
from db.accounts.accounts import Account
from db.encrypted_columns import ENCRYPTED_COLUMNS, EncryptedColumns
from db.identity.users import User
from db.session import Database
from platforms.secret import Secret
from tests.flows.brokers import wait_until
from tests.flows.single_use_tokens import run_token_server
from tests.support.row_factory import make_services

LOGINS, DUE_LOGINS, WORKERS = 500, 160, 2  # a login has two tokens
OLD_KEY, NEW_KEY = generate_key(), generate_key()


@pytest.fixture
def platform():
    with run_token_server() as server:
        yield server


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


def make_key_services(database_url, platform, redis_url, keys):
    values = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": keys}
    return make_services(database_url, platform.url, REDIS_URL=redis_url, **values)


def create_logins(database):
    """Store logins whose tokens are encrypted with the old key; some are due for a refresh."""
    keys = KeyRing([("old", Secret(OLD_KEY))])
    with database.transaction() as session:
        user = User(email="eve@example.org")
        session.add(user)
        session.flush()
        for number in range(LOGINS):
            open_id = f"-000{secrets.token_hex(8)}"
            owner = ("tiktok", open_id, user.id)
            session.add(
                Account(
                    user_id=user.id,
                    provider="tiktok",
                    open_id=open_id,
                    scope="user.info.basic",
                    access_token_encrypted=keys.encrypt(
                        Secret(f"act.{open_id}.0"), access_token_context(*owner)
                    ),
                    refresh_token_encrypted=keys.encrypt(
                        Secret(f"rft.{open_id}.0"), refresh_token_context(*owner)
                    ),
                    expires_at=func.now(),
                    due_at=func.now() if number < DUE_LOGINS else None,
                )
            )


class RefreshingWorker(threading.Thread):
    """Refreshes what is due, as a worker does, and makes it due once more."""

    def __init__(self, database_url, services):
        super().__init__(daemon=True)
        self.database, self.services = Database(database_url), services
        self.is_stopping = threading.Event()

    def run(self):
        while not self.is_stopping.is_set():
            if not run_jobs(REFRESH_JOB_TYPE, self.database, self.services).claimed:
                self.make_refreshed_due()
        self.database.dispose()

    def make_refreshed_due(self):
        with self.database.transaction() as session:
            is_idle = (Account.last_refreshed_at.is_not(None), Account.leased_until.is_(None))
            session.execute(update(Account).where(*is_idle).values(due_at=func.now()))


def read_tokens(database, keys):
    """Return the tokens by creator, decrypted."""
    with database.transaction() as session:
        rows = session.scalars(select(Account)).all()
        assert {row.status for row in rows} == {"ACTIVE"}
        return {
            row.open_id: (
                decrypt(keys, row.access_token_encrypted, access_token_context, row),
                decrypt(keys, row.refresh_token_encrypted, refresh_token_context, row),
            )
            for row in rows
        }


def decrypt(keys, encrypted, build_context, row):
    return keys.decrypt(encrypted, build_context("tiktok", row.open_id, row.user_id)).reveal()


def count_keys(database):
    with database.transaction() as session:
        counts = [EncryptedColumns(session).count_by_key(column) for column in ENCRYPTED_COLUMNS]
    return {key_id for count in counts for key_id in count}


def test_no_token_is_lost_or_left_under_the_old_key(database, database_url, redis_url, platform):
    create_logins(database)
    both = f"new:{NEW_KEY},old:{OLD_KEY}"
    services = make_key_services(database_url, platform, redis_url, both)
    workers = [RefreshingWorker(database_url, services) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    wait_until(lambda: platform.refreshes > 0, what="a first refresh")
    before = platform.refreshes
    counts = rotate_keys(database, services, dry_run=False, report=lambda *_: None)
    wait_until(lambda: platform.refreshes > before, what="a refresh during the rotation")
    for worker in workers:
        worker.is_stopping.set()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert counts.unreadable == 0
    assert counts.reencrypted > 0
    assert platform.refused == []
    assert count_keys(database) == {"new"}
    tokens = read_tokens(database, KeyRing([("new", Secret(NEW_KEY))]))
    assert len(tokens) == LOGINS
    newest = {open_id: platform.generations[open_id] for open_id in tokens}
    assert tokens == {
        open_id: (f"act.{open_id}.{number}", f"rft.{open_id}.{number}")
        for open_id, number in newest.items()
    }


def test_without_the_old_key_nothing_is_overwritten(database, database_url, redis_url, platform):
    """The control: what cannot be read is counted, and is there when the key is back."""
    create_logins(database)
    services = make_key_services(database_url, platform, redis_url, f"new:{NEW_KEY}")
    counts = rotate_keys(database, services, dry_run=False, report=lambda *_: None)
    assert counts.unreadable == 2 * LOGINS
    assert count_keys(database) == {"old"}
    assert len(read_tokens(database, KeyRing([("old", Secret(OLD_KEY))]))) == LOGINS
