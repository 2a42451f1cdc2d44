"""`signalpost user erase`: everything of a user goes, and nothing of anybody else."""

import pytest
from sqlalchemy import func, select, text

from core import accounts
from core.accounts.user_erasure import erase_user
from core.errors import NotFound
from core.identity import api_keys, users
from core.identity.sign_in import BrowserContext, sign_in
from core.identity.users import create_user
from db.accounts.accounts import Account
from db.identity.users import User
from db.media.files import Media
from db.ops.audit import AuditLog
from db.records.instagram_tables import InstagramAccount
from platforms.secret import Secret
from tests.app.callback_people import count_rows, meta_app, meta_client, people
from tests.app.test_accounts_erasure import TRACES, fill_tables
from tests.support.row_factory import HOUR

__all__ = ["meta_app", "meta_client", "people"]  # fixtures

EMAIL, PASSWORD = "ada.canary@example.org", "a canary password"
OWN_TRACES = ("ada.canary", "canarykey", "canaryupload", "canarybrowser", "203.0.113.77")
ALL_TRACES = {*TRACES, "canaryfile", "99990001", *OWN_TRACES}


def find_all_traces(people):
    dump = people.dump_tables()
    return {trace for trace in ALL_TRACES if trace in dump}


def fill_everything(people):
    """What the erasure of an account is tested with, and all that is a user's own."""
    login, *_ = fill_tables(people)
    others = people.create_destination(people.create_login())
    user_id = people.account(login).user_id
    with people.database.transaction() as session:
        user = session.get_one(User, user_id)
        user.email = EMAIL
        user.claimed_email = f"claimed.{EMAIL}"
        api_keys.create_api_key(session, user_id, name="canarykey", scopes=["posts:read"])
        session.add(
            Media(
                user_id=user_id,
                filename="canaryupload.mp4",
                content_type="video/mp4",
                size=4,
                path=people.services.media.create_file(),
                expires_at=func.now() + 99 * HOUR,
            )
        )
        accounts.start_connection(session, people.services, user_id=user_id, provider="tiktok")
    users.replace_password(people.database, user_id, Secret(PASSWORD))
    browser = BrowserContext(HOUR, ip="203.0.113.77", user_agent="canarybrowser")
    sign_in(people.database, email=EMAIL, password=Secret(PASSWORD), browser=browser)
    people.create_login(
        user_id, open_id="10150000000099999", status="DISCONNECTED", disconnected_at=func.now()
    )
    return user_id, others


def add_audited_addresses(people, user_id, other_id):
    """Actions of the user, attempts of nobody to sign in as the user, and another user's."""
    own = [("session", user_id, None), ("nobody", None, f"user:{user_id}")]
    with people.database.transaction() as session:
        for actor, actor_id, subject in own:
            AuditLog(session).add(
                "login.refused", actor=actor, user_id=actor_id, subject=subject, ip="203.0.113.77"
            )
        AuditLog(session).add("login", actor="session", user_id=other_id, ip="198.51.100.7")


@pytest.mark.usefixtures("meta_client")
def test_an_erased_user_leaves_no_trace_in_any_table(people, tmp_path):
    user_id, others = fill_everything(people)
    add_audited_addresses(people, user_id, others.user_id)
    assert find_all_traces(people) == ALL_TRACES  # the search finds them all
    erased = erase_user(people.database, people.services, user_id)
    assert (erased.accounts, erased.files) == (3, 1)
    assert find_all_traces(people) == set()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    # Other users keep what they have.
    assert [row.id for row in people.all(select(InstagramAccount))] == [others.id]
    assert [row.id for row in people.all(select(Account))] == [others.oauth_account_id]
    tables = ("posts", "media", "attempts", "api_keys", "sessions", "oauth_states", "outbox")
    assert count_rows(people, *tables) == [0] * len(tables)
    assert people.all(text("SELECT ip FROM audit_log WHERE ip IS NOT NULL")) == ["198.51.100.7"]
    actions = people.all(text(f"SELECT action FROM audit_log WHERE subject = 'user:{user_id}'"))
    assert {"user.disabled", "user.erased"} <= set(actions)


@pytest.mark.usefixtures("meta_client")
def test_disabling_a_user_erases_nothing(people):
    """The negative control: the search finds what a smaller effect leaves behind."""
    user_id, _ = fill_everything(people)
    with people.database.transaction() as session:
        users.disable_user(session, user_id)
    assert find_all_traces(people) == ALL_TRACES


@pytest.mark.usefixtures("meta_client")
def test_an_interrupted_erasure_is_run_again(people):
    user_id, _ = fill_everything(people)
    with people.database.transaction() as session:
        former = session.scalars(select(Account.id).where(Account.user_id == user_id)).all()
    for account_id in former[:1]:
        accounts.disconnect_account(
            people.database,
            people.services,
            user_id=user_id,
            provider="instagram",
            account_id=account_id,
            erase=True,
        )
    erase_user(people.database, people.services, user_id)
    assert find_all_traces(people) == set()
    with pytest.raises(NotFound):
        erase_user(people.database, people.services, user_id)


@pytest.mark.usefixtures("meta_client")
def test_the_email_of_an_erased_user_is_free_again(people):
    user_id, _ = fill_everything(people)
    erase_user(people.database, people.services, user_id)
    with people.database.transaction() as session:
        assert create_user(session, EMAIL, password=None).id != user_id
