"""What a restored database gets before any process works with it, in one transaction."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from core.accounts.restored_logins import confirm_restored_logins
from core.identity import api_keys, users
from core.identity.preferences import mail_notifications
from core.recovery import prepare_restored_data
from core.recovery.removals import RepeatedRemovals
from core.removal_list import (
    SESSION_KEY,
    RemovalKind,
    RemovalList,
    identify_row,
    note_removal,
    read_removals,
)
from db.accounts.accounts import Account, Accounts
from db.identity.api_keys import ApiKey
from db.identity.notifications import Notifications
from db.identity.users import User, Users
from db.ops.data_deletions import DataDeletion
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from tests.support.row_factory import RowFactory, make_services

SNAPSHOT_AT = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def services(database_url):
    return make_services(database_url, "http://127.0.0.1:1")


@pytest.fixture
def factory(database, services):
    return RowFactory(database, services.key_ring)


@pytest.fixture
def removal_list(services, tmp_path):
    return RemovalList(tmp_path / "erasures", services.key_ring, lambda: datetime.now(UTC))


def prepare(database, services, removals=(), *, should_hold=True):
    with database.transaction() as session:
        return prepare_restored_data(
            session,
            services,
            snapshot_at=SNAPSHOT_AT,
            removals=removals,
            should_hold=should_hold,
        )


def test_queued_posts_are_held_and_those_under_way_are_never_sent_again(
    database, services, factory
):
    account_id = factory.create_account()
    queued = factory.create_post(account_id)
    waiting = factory.create_post(account_id, hold_reason="needs_reconnect", due_at=None)
    stopped = factory.create_post(account_id, hold_reason="operator", due_at=None)
    planned = factory.create_post(
        account_id, state="SENDING", step_state={"planned": "start", "inline": True}
    )
    begun = {"unsafe": "publish", "unsafe_at": "2026-11-30T02:00:00+00:00"}
    processing = factory.create_post(account_id, state="PROCESSING", step_state=begun)
    public = factory.create_post(account_id, state="PUBLISHED", due_at=None)
    prepared = prepare(database, services)
    assert (prepared.held_posts, prepared.unconfirmed_posts) == (2, 2)
    reasons = [factory.post(each).hold_reason for each in (queued, waiting, stopped)]
    assert reasons == ["restored", "restored", "operator"]
    assert factory.post(queued).due_at is None
    assert {factory.post(each).state for each in (planned, processing)} == {"UNCONFIRMED"}
    state = factory.post(planned).step_state
    assert (state["unsafe"], state["unsafe_at"]) == ("start", SNAPSHOT_AT.isoformat())
    assert state["repeated"] is True
    assert "planned" not in state
    assert factory.post(processing).step_state["unsafe_at"] == begun["unsafe_at"]
    assert factory.post(public).state == "PUBLISHED"
    with database.transaction() as session:
        notes = session.scalars(select(PostEvent.note).where(PostEvent.post_id == queued)).all()
    assert notes == [f"restored from the backup of {SNAPSHOT_AT.isoformat()}"]


def test_without_hold_queued_posts_stay_due(database, services, factory):
    queued = factory.create_post(factory.create_account())
    assert prepare(database, services, should_hold=False).held_posts == 0
    assert factory.post(queued).hold_reason is None


def test_no_mail_is_sent_about_what_may_have_been_sent_after_the_backup(
    database, services, factory
):
    user_id = factory.create_user()
    with database.transaction() as session:
        mail_notifications(session, user_id, ["post_failed"])
        Notifications(session).add(user_id, "post_failed", cause="of the lost hours")
        newest = Notifications(session).list_for_user(user_id)[0].id
    prepare(database, services)
    with database.transaction() as session:
        assert Users(session).get(user_id).mailed_up_to == newest


def test_tokens_are_renewed_or_confirmed_before_they_are_used(database, services, factory):
    refreshed = factory.create_account()
    exchanged = factory.create_account(details={"renewal": "exchange"})
    assert prepare(database, services).grants == 2
    row = factory.account(refreshed)
    assert row.status == "ACTIVE"
    assert row.expires_at == row.due_at == row.refresh_started_at
    row = factory.account(exchanged)
    assert (row.status, row.status_cause) == ("NEEDS_RECONNECT", "restored")
    assert row.access_token_encrypted is not None


def test_a_login_whose_platform_judges_no_tokens_is_used_again(database, services, factory):
    exchanged = factory.create_account(details={"renewal": "exchange"})
    prepare(database, services)
    assert confirm_restored_logins(database, services) == 1
    assert factory.account(exchanged).status == "ACTIVE"
    assert confirm_restored_logins(database, services) == 0


def test_what_was_erased_and_revoked_since_the_backup_is_removed_again(
    database, services, factory, removal_list, tmp_path
):
    user_ids = [factory.create_user() for _ in range(5)]
    with database.transaction() as session:
        erased, disabled, enabled, changed, kept = (Users(session).get(each) for each in user_ids)
        revoked_key, kept_key = (
            api_keys.create_api_key(session, kept.id, name=name, scopes=["posts:read"])[0]
            for name in ("revoked", "kept")
        )
        changed_key, _ = api_keys.create_api_key(
            session, changed.id, name="changed", scopes=["posts:read"]
        )
    person, login, other = (factory.create_account(kept.id) for _ in range(3))
    with database.transaction() as session:
        session.info[SESSION_KEY] = removal_list
        for kind, user in (
            (RemovalKind.USER, erased),
            (RemovalKind.DISABLED, disabled),
            (RemovalKind.DISABLED, enabled),
            (RemovalKind.ENABLED, enabled),
            (RemovalKind.ACCESS, changed),
        ):
            note_removal(session, kind, *identify_row(user))
        note_removal(session, RemovalKind.KEY, revoked_key.hash)
        account = Accounts(session).get(person)
        note_removal(session, RemovalKind.PERSON, account.provider, account.open_id)
        note_removal(session, RemovalKind.LOGIN, *identify_row(Accounts(session).get(login)))
    removals = read_removals(tmp_path / "erasures", since=LONG_AGO)
    prepared = prepare(database, services, removals)
    assert prepared.removals == RepeatedRemovals(
        keys=2, users=1, disabled_users=1, logins=1, people=1
    )
    with database.transaction() as session:
        assert Users(session).get(erased.id) is None
        disabled_ids = session.scalars(select(User.id).where(User.disabled_at.is_not(None)))
        assert disabled_ids.all() == [disabled.id]
        valid = session.scalars(select(ApiKey.id).where(ApiKey.revoked_at.is_(None))).all()
        assert valid == [kept_key.id]
        assert changed_key.id not in valid
        assert session.scalars(select(Account.id)).all() == [other]
        assert session.scalar(select(func.count()).select_from(DataDeletion)) == 2


def test_a_person_who_has_come_back_since_the_request_is_not_erased(
    database, services, factory, removal_list, tmp_path
):
    account_id = factory.create_account()
    with database.transaction() as session:
        session.info[SESSION_KEY] = removal_list
        account = Accounts(session).get(account_id)
        note_removal(session, RemovalKind.PERSON, account.provider, account.open_id)
        later = Account.created_at + timedelta(hours=1)
        session.execute(update(Account).values(created_at=later))
    removals = read_removals(tmp_path / "erasures", since=LONG_AGO)
    assert prepare(database, services, removals).removals.people == 0
    assert factory.account(account_id) is not None


def test_the_list_names_nobody_and_survives_broken_lines(services, removal_list, tmp_path):
    removal_list.add(RemovalKind.PERSON, "tiktok", "open-id-of-eve")
    (file,) = (tmp_path / "erasures").iterdir()
    assert "eve" not in file.read_text()
    assert set(json.loads(file.read_text())) == {"at", "kind", "subject"}
    with file.open("a") as stream:
        stream.write('{"at": "2026-11-30T0\n[]\n')
    removal_list.add(RemovalKind.USER, 1, "now")
    kinds = [each.kind for each in read_removals(file.parent, since=LONG_AGO)]
    assert kinds == ["person", "user"]
    assert read_removals(file.parent, since=datetime.now(UTC) + timedelta(days=1)) == []


def test_a_list_that_cannot_be_written_keeps_nobody_from_revoking(services, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    unwritable = RemovalList(tmp_path / "file" / "list", services.key_ring, lambda: SNAPSHOT_AT)
    unwritable.add(RemovalKind.USER, 1, "now")
    assert "removal_list.not_written" in capsys.readouterr().out


def test_revoking_a_key_writes_to_the_list(database, services, factory, removal_list, tmp_path):
    user_id = factory.create_user()
    with database.transaction() as session:
        session.info[SESSION_KEY] = removal_list
        row, _ = api_keys.create_api_key(session, user_id, name="ci", scopes=["posts:read"])
        api_keys.revoke_api_key(session, row.id, user_id=user_id)
        users.disable_user(session, user_id)
    removals = read_removals(tmp_path / "erasures", since=LONG_AGO)
    assert sorted(each.kind for each in removals) == ["access", "disabled", "key"]


def test_posts_are_held_in_several_statements(database, services, factory, monkeypatch):
    monkeypatch.setattr("db.ops.restored_rows.HELD_PER_STATEMENT", 2)
    account_id = factory.create_account()
    for _ in range(5):
        factory.create_post(account_id)
    assert prepare(database, services).held_posts == 5
    with database.transaction() as session:
        assert set(session.scalars(select(Post.hold_reason))) == {"restored"}
