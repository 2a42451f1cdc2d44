"""Secrets sealed anew while the house works."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from core.accounts import rotation
from core.accounts.rotation import rotate
from core.crypto import KeyRing, endpoint_context, generate_key, upload_context
from db.accounts import Account
from db.endpoints import Endpoints, EndpointSecrets
from db.instagram import InstagramAccount
from db.sealed import COLUMNS, Sealed
from db.session import Database
from db.uploads import UploadSession
from platforms.secret import Secret
from tests.flows.brokers import until
from tests.tenants import HOUR, Tenants, a_world

OLD, NEW = generate_key(), generate_key()


@pytest.fixture
def tenants(database):
    """Who sealed their secrets before the new key came."""
    return Tenants(database, KeyRing([("old", Secret(OLD))]))


@pytest.fixture
def world(database_url, redis_url):
    """The house after it."""
    ring = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": f"new:{NEW},old:{OLD}"}
    return a_world(database_url, "http://127.0.0.1:9", REDIS_URL=redis_url, **ring)


@pytest.fixture
def turn(database, world):
    def once(*, dry_run=False, report=lambda _column, _counts: None):
        return rotate(database, world, dry_run=dry_run, report=report)

    return once


def keys_in(database):
    with database.transaction() as session:
        return [Sealed(session).keys(column) for column in COLUMNS]


def test_every_sealed_column_is_sealed_with_the_current_key(database, tenants, world, turn):
    account = tenants.an_account()
    owner = tenants.account(account).user_id
    post = tenants.a_post(account)
    page = ("instagram_accounts", "page_access_token_encrypted", "instagram", "ig", str(owner))
    with database.transaction() as session:
        session.add(
            UploadSession(
                post_id=post,
                upload_url_encrypted=tenants.keys.seal(
                    Secret("https://upload"), upload_context("tiktok", post, owner)
                ),
                url_expires_at=func.now() + HOUR,
                size=1,
                chunk_size=1,
                total_chunk_count=1,
            )
        )
        session.add(
            InstagramAccount(
                user_id=owner,
                ig_business_id="ig",
                page_id="p",
                username="ada",
                access_level="FULL",
                page_access_token_encrypted=tenants.keys.seal(Secret("page"), page),
            )
        )
        endpoint = Endpoints(session).add(owner, url="https://host.example.com/hook")
        signs = endpoint_context(endpoint.id, owner)
        sealed = tenants.keys.seal(Secret("whsec"), signs)
        EndpointSecrets(session).replace(endpoint.id, sealed, overlap=HOUR)
    counts = turn()
    assert (counts.resealed, counts.left("new"), counts.keys) == (5, 0, {"old": 5})
    assert keys_in(database) == [{"new": 1}] * 5
    tenants.keys = KeyRing([("new", Secret(NEW))])
    with database.transaction() as session:
        (secret,) = EndpointSecrets(session).alive(endpoint.id)
    assert tenants.keys.open(secret.secret_encrypted, signs).reveal() == "whsec"
    assert tenants.tokens(account) == ("act.old", "rft.old")
    with database.transaction() as session:
        url = session.scalar(select(UploadSession.upload_url_encrypted))
    opened = tenants.keys.open(url, upload_context("tiktok", post, owner))
    assert opened.reveal() == "https://upload"


def test_a_rehearsal_counts_and_changes_nothing(database, tenants, turn):
    tenants.an_account()
    counts = turn(dry_run=True)
    assert (counts.keys, counts.left("new"), counts.done) == ({"old": 2}, 2, 0)
    assert keys_in(database)[0] == {"old": 1}


def test_a_second_turn_finds_nothing_to_do(tenants, turn):
    tenants.an_account()
    turn()
    counts = turn()
    assert (counts.keys, counts.done) == ({"new": 2}, 0)


def test_what_does_not_open_is_counted_left_alone_and_holds_up_nobody(database, tenants, turn):
    broken, sound = tenants.an_account(), tenants.an_account()
    strange = tenants.account(sound).access_token_encrypted
    tenants.change(broken, access_token_encrypted=strange)
    counts = turn()
    assert (counts.resealed, counts.unreadable, counts.left("new")) == (3, 1, 1)
    assert tenants.account(broken).access_token_encrypted == strange


def test_more_than_a_batch_is_turned_with_word_after_each(tenants, turn, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    user = tenants.a_user()
    for _ in range(5):
        tenants.an_account(user)
    told = []
    counts = turn(report=lambda column, counts: told.append((column, counts.done)))
    assert counts.resealed == 10
    progress = [done for column, done in told if column == "oauth_accounts.access_token_encrypted"]
    assert progress == [0, 2, 4, 5]


def test_a_token_renewed_meanwhile_is_not_overwritten_by_the_old_one(database, tenants):
    account = tenants.an_account()
    where = COLUMNS[1]
    with database.transaction() as session:
        (value,) = Sealed(session).batch(where, key="new", after=0, limit=9)
    tenants.change(account, refresh_token_encrypted="v1.new.renewed")
    with database.transaction() as session:
        assert not Sealed(session).replace(where, value, "v1.new.the-old-one")
    assert tenants.account(account).refresh_token_encrypted == "v1.new.renewed"


def test_a_row_that_a_worker_records_at_this_moment_is_waited_for_and_respected(
    database, database_url, tenants, turn
):
    """The rotation reads the old value, waits for the worker's commit, and leaves the new one."""
    account = tenants.an_account(refresh=None)
    worker = Database(database_url)
    with ThreadPoolExecutor(1) as threads:
        with worker.transaction() as session:
            renewed = update(Account).values(access_token_encrypted="v1.new.renewed")
            session.execute(renewed.where(Account.id == account))
            turning = threads.submit(turn)
            until(lambda: waiting(database) == 1, what="the rotation at the row")
        counts = turning.result(30)
    worker.dispose()
    assert (counts.resealed, counts.overtaken) == (0, 1)
    assert tenants.account(account).access_token_encrypted == "v1.new.renewed"


def waiting(database):
    """How many wait for somebody's lock, in this database alone: others test beside us."""
    with database.transaction() as session:
        mine = "datname = current_database() AND wait_event_type = 'Lock'"
        return session.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {mine}"))
