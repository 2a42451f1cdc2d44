"""Key rotation: secrets are encrypted again while workers change them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update

from core.accounts import key_rotation
from core.accounts.key_rotation import rotate_keys
from core.crypto import KeyRing, endpoint_secret_context, part_upload_url_context
from core.encryption_keys import generate_key
from db.accounts.accounts import Account
from db.encrypted_columns import ENCRYPTED_COLUMNS, EncryptedColumns
from db.outbox.endpoints import Endpoints, EndpointSecrets
from db.posts.parts import PostPart
from db.records.instagram_tables import InstagramAccount
from db.session import Database
from platforms.secret import Secret
from tests.flows.brokers import wait_until
from tests.support.row_factory import HOUR, RowFactory, make_services

OLD_KEY, NEW_KEY = generate_key(), generate_key()


@pytest.fixture
def factory(database):
    """Creates rows whose secrets are encrypted with the old key."""
    return RowFactory(database, KeyRing([("old", Secret(OLD_KEY))]))


@pytest.fixture
def services(database_url, redis_url):
    """Services that encrypt with the new key and can still decrypt with the old one."""
    keys = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": f"new:{NEW_KEY},old:{OLD_KEY}"}
    return make_services(database_url, "http://127.0.0.1:9", REDIS_URL=redis_url, **keys)


@pytest.fixture
def run_rotation(database, services):
    def rotate(*, dry_run=False, report=lambda _column, _counts: None):
        return rotate_keys(database, services, dry_run=dry_run, report=report)

    return rotate


def column_key_ids(database):
    with database.transaction() as session:
        return [EncryptedColumns(session).count_by_key(column) for column in ENCRYPTED_COLUMNS]


def test_every_encrypted_column_is_encrypted_with_the_current_key(
    database, factory, services, run_rotation
):
    account = factory.create_account()
    owner = factory.account(account).user_id
    post = factory.create_post(account)
    page_context = (
        "instagram_accounts",
        "page_access_token_encrypted",
        "instagram",
        "ig",
        str(owner),
    )
    with database.transaction() as session:
        part_context = part_upload_url_context("tiktok", post, 0, owner)
        encrypted_part = factory.keys.encrypt(Secret("https://part"), part_context)
        session.add(
            PostPart(post_id=post, position=0, role="video", upload_url_encrypted=encrypted_part)
        )
        session.add(
            InstagramAccount(
                user_id=owner,
                ig_business_id="ig",
                page_id="p",
                username="ada",
                access_level="FULL",
                page_access_token_encrypted=factory.keys.encrypt(Secret("page"), page_context),
            )
        )
        endpoint = Endpoints(session).add(owner, url="https://host.example.com/hook")
        secret_context = endpoint_secret_context(endpoint.id, owner)
        encrypted = factory.keys.encrypt(Secret("whsec"), secret_context)
        EndpointSecrets(session).replace(endpoint.id, encrypted, overlap=HOUR)
    counts = run_rotation()
    assert (counts.reencrypted, counts.remaining("new"), counts.values_by_key) == (5, 0, {"old": 5})
    assert column_key_ids(database) == [{"new": 1}] * 5
    factory.keys = KeyRing([("new", Secret(NEW_KEY))])
    with database.transaction() as session:
        (secret,) = EndpointSecrets(session).list_active(endpoint.id)
    assert factory.keys.decrypt(secret.secret_encrypted, secret_context).reveal() == "whsec"
    assert factory.decrypted_tokens(account) == ("act.old", "rft.old")
    with database.transaction() as session:
        url = session.scalar(select(PostPart.upload_url_encrypted))
    assert factory.keys.decrypt(url, part_context).reveal() == "https://part"


def test_a_dry_run_counts_and_changes_nothing(database, factory, run_rotation):
    factory.create_account()
    counts = run_rotation(dry_run=True)
    assert (counts.values_by_key, counts.remaining("new"), counts.processed) == ({"old": 2}, 2, 0)
    assert column_key_ids(database)[0] == {"old": 1}


def test_a_second_rotation_finds_nothing_to_do(factory, run_rotation):
    factory.create_account()
    run_rotation()
    counts = run_rotation()
    assert (counts.values_by_key, counts.processed) == ({"new": 2}, 0)


def test_what_does_not_decrypt_is_counted_and_left_alone(database, factory, run_rotation):
    broken = factory.create_account()
    other = factory.create_account()
    foreign_token = factory.account(other).access_token_encrypted
    factory.update_account(broken, access_token_encrypted=foreign_token)
    counts = run_rotation()
    assert (counts.reencrypted, counts.unreadable, counts.remaining("new")) == (3, 1, 1)
    assert factory.account(broken).access_token_encrypted == foreign_token


def test_a_rotation_is_in_the_audit_log_and_a_dry_run_is_not(database, factory, run_rotation):
    factory.create_account()
    run_rotation(dry_run=True)
    select_entries = text("SELECT subject, details FROM audit_log WHERE action = :action")
    with database.transaction() as session:
        assert session.execute(select_entries, {"action": "encryption.rotated"}).all() == []
    counts = run_rotation()
    with database.transaction() as session:
        ((subject, details),) = session.execute(select_entries, {"action": "encryption.rotated"})
    assert subject == "key:new"
    assert details == {"reencrypted": counts.reencrypted, "unreadable": 0}


def test_more_than_a_batch_is_rotated_with_a_report_after_each(factory, run_rotation, monkeypatch):
    monkeypatch.setattr(key_rotation, "BATCH_SIZE", 2)
    user = factory.create_user()
    for _ in range(5):
        factory.create_account(user)
    reports = []
    counts = run_rotation(report=lambda column, counts: reports.append((column, counts.processed)))
    assert counts.reencrypted == 10
    progress = [
        processed
        for column, processed in reports
        if column == "oauth_accounts.access_token_encrypted"
    ]
    assert progress == [0, 2, 4, 5]


def test_a_token_refreshed_meanwhile_is_not_overwritten_by_the_old_one(database, factory):
    account = factory.create_account()
    column = ENCRYPTED_COLUMNS[1]
    with database.transaction() as session:
        (value,) = EncryptedColumns(session).list_batch(column, current_key="new", after=0, limit=9)
    factory.update_account(account, refresh_token_encrypted="v1.new.renewed")
    with database.transaction() as session:
        assert not EncryptedColumns(session).replace(column, value, "v1.new.the-old-one")
    assert factory.account(account).refresh_token_encrypted == "v1.new.renewed"


def test_rotation_waits_for_a_row_that_a_worker_is_recording(
    database, database_url, factory, run_rotation
):
    """The rotation reads the old value, waits for the worker's commit, and leaves the new one."""
    account = factory.create_account(refresh=None)
    worker = Database(database_url)
    with ThreadPoolExecutor(1) as threads:
        with worker.transaction() as session:
            refreshed = update(Account).values(access_token_encrypted="v1.new.renewed")
            session.execute(refreshed.where(Account.id == account))
            rotation = threads.submit(run_rotation)
            wait_until(
                lambda: count_lock_waits(database) == 1,
                what="the rotation to wait for the row lock",
            )
        counts = rotation.result(30)
    worker.dispose()
    assert (counts.reencrypted, counts.changed_meanwhile) == (0, 1)
    assert factory.account(account).access_token_encrypted == "v1.new.renewed"


def count_lock_waits(database):
    """Count waiting sessions of this database only: other tests use the same server."""
    with database.transaction() as session:
        conditions = "datname = current_database() AND wait_event_type = 'Lock'"
        return session.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {conditions}"))
