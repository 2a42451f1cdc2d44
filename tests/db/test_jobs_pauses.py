"""Workers take nothing of a paused platform or queue, and everything of the others."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from core.errors import Conflict, NotFound
from core.health.readiness import QUEUES
from core.jobs.pauses import JOB_QUEUE_NAMES, list_pauses, pause_work, resume_work
from db.leases import find_due_kinds
from db.ops.audit import AuditFilter, AuditLog
from db.session import Database

USER = "INSERT INTO users (email) VALUES ('eve@example.org')"
ACCOUNTS = (
    "INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted,"
    " refresh_due_at)"
    " SELECT max(users.id), each, each, '', 'x', now() - interval '1 minute'"
    " FROM users, unnest(ARRAY['tiktok', 'instagram']) AS each GROUP BY each"
)
EVENTS = (
    "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, next_attempt_at)"
    " SELECT provider, 'x', provider, '{}', now() - interval '1 minute' FROM oauth_accounts"
)
POSTS = (
    "INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, due_at)"
    " SELECT user_id, id, provider, 'VIDEO', 'FILE_UPLOAD', 'SIGNALPOST',"
    " now() - interval '1 minute' FROM oauth_accounts"
)
SCHEDULES = (
    "INSERT INTO watches (oauth_account_id, due_at)"
    " SELECT id, now() - interval '1 minute' FROM oauth_accounts"
)
PREPARE = (USER, ACCOUNTS, EVENTS, POSTS, SCHEDULES)
PLATFORM_OF_ROW = {
    "webhooks": "SELECT provider FROM webhook_events WHERE id = :id",
    "accounts": "SELECT provider FROM oauth_accounts WHERE id = :id",
    "posts": "SELECT provider FROM posts WHERE id = :id",
    "insights": (
        "SELECT provider FROM oauth_accounts AS a JOIN watches AS w ON w.oauth_account_id = a.id"
        " WHERE w.id = :id"
    ),
}
KINDS = tuple(PLATFORM_OF_ROW)


@pytest.fixture
def database(database_url):
    """A database with one due row of each kind for each of two platforms."""
    database = Database(database_url, pool_size=2)
    with database.transaction() as session:
        for statement in PREPARE:
            session.execute(text(statement))
    yield database
    database.dispose()


def claim_platforms(database, kind):
    """Claim what is due of this kind, and return of which platforms it is; nothing is kept."""
    with database.transaction() as session:
        rows = QUEUES[kind].claim(session, limit=10, lease=timedelta(minutes=1))
        query = text(PLATFORM_OF_ROW[kind])
        names = sorted(session.scalar(query, {"id": row.id}) for row in rows)
        session.rollback()
    return names


def pause(database, target):
    with database.transaction() as session:
        pause_work(session, target, "a test")


def resume(database, target):
    with database.transaction() as session:
        resume_work(session, target)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_paused_platform_is_claimed(database, kind):
    assert claim_platforms(database, kind) == ["instagram", "tiktok"]
    pause(database, "tiktok")
    assert claim_platforms(database, kind) == ["instagram"]
    resume(database, "tiktok")
    assert claim_platforms(database, kind) == ["instagram", "tiktok"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_paused_queue_is_claimed(database, kind):
    pause(database, kind)
    claimed = {each: claim_platforms(database, each) for each in KINDS}
    assert claimed.pop(kind) == []
    assert set(map(tuple, claimed.values())) == {("instagram", "tiktok")}


def test_events_claimed_as_copies_respect_pauses(database):
    def claim_copies():
        with database.transaction() as session:
            rows = QUEUES["webhooks"].claim_copies(session, limit=10, lease=timedelta(minutes=1))
            session.rollback()
        return sorted(row.provider for row in rows)

    assert claim_copies() == ["instagram", "tiktok"]
    pause(database, "tiktok")
    assert claim_copies() == ["instagram"]
    pause(database, "webhooks")
    assert claim_copies() == []


def test_what_is_paused_is_not_woken_and_not_overdue(database):
    queues = {kind: QUEUES[kind] for kind in KINDS}
    pause(database, "posts")
    with database.transaction() as session:
        assert set(find_due_kinds(session, queues)) == {*KINDS} - {"posts"}
        assert QUEUES["posts"].oldest_due_at(session) is None
        assert QUEUES["posts"].count_due(session, limit=10) == 2
        for name in ("tiktok", "instagram"):
            pause_work(session, name, "a test")
        session.flush()
        assert find_due_kinds(session, queues) == []


def test_a_pause_is_recorded_with_its_reason_and_cannot_be_made_twice(database):
    pause(database, "tiktok")
    with pytest.raises(Conflict):
        pause(database, "tiktok")
    with database.transaction() as session:
        assert [(each.target, each.reason) for each in list_pauses(session)] == [
            ("tiktok", "a test")
        ]
    resume(database, "tiktok")
    with pytest.raises(NotFound):
        resume(database, "tiktok")
    with pytest.raises(NotFound):
        pause(database, "no such thing")
    with database.transaction() as session:
        entries = AuditLog(session).page(AuditFilter(subject="platform:tiktok"), limit=9)
        assert [each.action for each in entries] == ["work.resumed", "work.paused"]
        assert entries[1].details == {"reason": "a test"}


def test_every_queue_of_jobs_can_be_paused():
    assert {*JOB_QUEUE_NAMES} == QUEUES.keys()
    assert all(queue.name == name for name, queue in QUEUES.items())
