"""What is erased of a person, at the platform's request or their own: a search of every table."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from core.accounts import disconnect_account, late_events
from core.health.housekeeping import run_housekeeping
from db.accounts.accounts import Account
from db.comments.replies import CommentReply, ReplyState
from db.media.files import Media
from db.ops.data_deletions import DataDeletion
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.records.instagram_tables import IgComment, IgMedia, InstagramAccount
from db.webhooks.events import Event
from db.webhooks.insert import insert_events
from tests.app.callback_people import (
    ADA,
    ALIAS,
    DATA_DELETION,
    DEAUTHORIZE,
    count_rows,
    meta_app,
    meta_client,
    people,
    send_callback,
)
from tests.flows.brokers import wait_until
from tests.support.instagram_webhooks import (
    SENT_AT,
    comment_change,
    mention_change,
)
from tests.support.row_factory import HOUR

__all__ = ["meta_app", "meta_client", "people"]  # fixtures

CAPTION, COMMENT_TEXT, REPLY_TEXT = "caption canary", "comment canary", "reply canary"
IS_AWAITING_INSERTS = """SELECT pid FROM pg_locks
  WHERE relation = 'webhook_events'::regclass AND mode = 'ShareLock' AND NOT granted"""
NAMES = ("Ada Canary", "canarybakery", CAPTION, COMMENT_TEXT, REPLY_TEXT, "canaryvisitor")


def fill_tables(people):
    """Store everything that is kept of a person and their account; return login and account."""
    user_id = people.create_user()
    people.create_endpoint(user_id)
    login = people.create_login(
        user_id, open_id=ADA, aliases=[ALIAS], details={"display_name": "Ada Canary"}
    )
    account = people.create_destination(
        login, ig_business_id="17841499990000001", username="canarybakery", page_id="99990001"
    )
    other = people.create_destination(people.create_login(user_id))
    post = people.create_post(
        login,
        provider="instagram",
        kind="IMAGE",
        sent_by="PLATFORM",
        title=CAPTION,
        state="PUBLISHED",
        due_at=None,
        destination_id=account.id,
        step_state={"text": CAPTION},
    )
    media_id = people.create_media(account, "18009999000000001", caption=CAPTION, post_id=post)
    with people.database.transaction() as session:
        file = Media(
            user_id=user_id,
            filename="canaryfile.jpg",
            content_type="image/jpeg",
            size=4,
            path=people.services.media.create_file(),
            expires_at=func.now() + 99 * HOUR,
        )
        session.add(file)
        session.flush()
        session.add(PostPart(post_id=post, position=0, role="image", media_id=file.id))
        session.add(
            CommentReply(
                user_id=user_id,
                provider="instagram",
                destination_id=account.id,
                comment_external_id="17909999000000001",
                text=REPLY_TEXT,
                state=ReplyState.SENT,
                claimed_at=func.now(),
            )
        )
        session.execute(text(SAMPLES_SQL), {"media": media_id, "account": account.id})
        subjects = {"post": f"post:{post}", "login": f"account:{login}"}
        session.execute(text(HISTORY_SQL), {**subjects, "user": user_id})
        session.execute(text(ATTEMPTS_SQL), {"post": post, "login": login})
        session.execute(
            text(
                "INSERT INTO notifications (user_id, kind, cause, payload) VALUES (:user,"
                " 'post_published', :post, jsonb_build_object('subject', cast(:post AS text),"
                " 'title', 'caption canary'))"
            ),
            {"user": user_id, "post": f"post:{post}"},
        )
    people.apply_changes(
        account.ig_business_id,
        comment_change(
            "17909999000000001",
            media="18009999000000001",
            text=COMMENT_TEXT,
            **{"from": {"id": "88001", "username": "canaryvisitor"}},
        ),
        mention_change("18009999000000077"),
    )
    # Not of the person's account, but naming it, and in words that stay.
    people.store_changes(other.ig_business_id, comment_change("17900000000000002", author=ALIAS))
    people.apply_changes(other.ig_business_id, comment_change("17900000000000003", text="kept"))
    return login, account, other


SAMPLES_SQL = """
INSERT INTO metric_snapshots (provider, subject_type, subject_id, metric, value)
VALUES ('instagram', 'media', :media, 'reach', 4711), ('instagram', 'destination', :account, 'x', 2)
"""
HISTORY_SQL = """
INSERT INTO audit_log (user_id, actor, action, subject, details)
VALUES (:user, 'web', 'post.rejected', :post, '{"title": "caption canary"}'),
       (:user, 'web', 'account.connected', :login, '{"name": "Ada Canary"}')
"""
ATTEMPTS_SQL = """
INSERT INTO attempts (kind, row_id, number, message)
VALUES ('posts', :post, 1, 'caption canary'), ('accounts', :login, 1, 'Ada Canary')
"""
TRACES = (ADA, ALIAS, "17841499990000001", "18009999000000001", "17909999000000001", *NAMES)
"""Ids, names and texts that must be in no table after the erasure."""


def find_traces(people):
    dump = people.dump_tables()
    return {trace for trace in (*TRACES, "canaryfile", "99990001") if trace in dump}


def test_an_erasure_leaves_no_trace_in_any_table(meta_client, people, tmp_path):
    login, _, other = fill_tables(people)
    assert find_traces(people) == {*TRACES, "canaryfile", "99990001"}  # the search finds them all
    code = send_callback(meta_client, DATA_DELETION, ADA).json["confirmation_code"]
    assert find_traces(people) == set()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    (request,) = people.all(select(DataDeletion))
    assert (request.code, request.state, request.found) == (code, "done", True)
    assert request.completed_at is not None
    # What belongs to others stays, and so does the fact that something was done.
    assert [row.text for row in people.comments()] == ["kept"]
    assert [row.id for row in people.all(select(InstagramAccount))] == [other.id]
    actions = people.all(text(f"SELECT action FROM audit_log WHERE subject = 'account:{login}'"))
    assert {"account.connected", "account.erased"} <= set(actions)
    assert count_rows(people, "posts", "media", "comment_replies", "attempts") == [0] * 4


def test_a_deauthorization_erases_nothing(meta_client, people):
    """The negative control: the search of the dump finds what a smaller effect leaves behind."""
    fill_tables(people)
    send_callback(meta_client, DEAUTHORIZE, ADA)
    assert find_traces(people) == {*TRACES, "canaryfile", "99990001"}


def disconnect(people, login, **options):
    owner = {"user_id": people.account(login).user_id, "provider": "instagram"}
    return disconnect_account(
        people.database, people.services, account_id=login, **owner, **options
    )


@pytest.mark.usefixtures("meta_client")
def test_a_disconnect_that_erases_leaves_no_trace_in_any_table(people, tmp_path):
    login, _, other = fill_tables(people)
    assert find_traces(people) == {*TRACES, "canaryfile", "99990001"}
    disconnect(people, login, erase=True)
    assert find_traces(people) == set()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert [row.text for row in people.comments()] == ["kept"]
    assert [row.id for row in people.all(select(InstagramAccount))] == [other.id]
    assert count_rows(people, "posts", "media", "comment_replies", "attempts") == [0] * 4
    (message,) = [each for each in people.messages() if each["data"]["account_id"] == login]
    assert (message["type"], message["data"]["name"]) == ("account.disconnected", None)
    actions = people.all(text(f"SELECT action FROM audit_log WHERE subject = 'account:{login}'"))
    assert {"account.disconnected", "account.erased", "account.told_platform"} <= set(actions)


@pytest.mark.usefixtures("meta_client")
def test_a_disconnect_that_does_not_erase_leaves_the_history(people):
    login, *_ = fill_tables(people)
    disconnect(people, login)
    assert find_traces(people) == {*TRACES, "canaryfile", "99990001"}


@pytest.mark.usefixtures("meta_client")
def test_an_erasing_disconnect_spares_what_other_users_keep_of_the_same_login(people):
    former = people.create_login(open_id=ADA, disconnected_at=func.now(), status="DISCONNECTED")
    login = people.create_login(open_id=ADA)
    disconnect(people, login, erase=True)
    (row,) = people.all(select(Account))
    assert row.id == former


@pytest.mark.usefixtures("meta_client")
def test_a_login_that_is_connected_again_during_an_erasure_stays(people):
    login = people.create_login(open_id=ADA)
    disconnect(people, login, erase=True)
    with people.database.transaction() as session:  # as if the search of events were not done
        values = {"state": "received", "events_searched_to": 0, "subject_ids": [ADA]}
        session.execute(update(DataDeletion).values(**values))
    again = people.create_login(open_id=ADA)
    run_housekeeping(people.database, people.services)
    assert people.account(again).status == "ACTIVE"
    (request,) = people.all(select(DataDeletion))
    assert (request.state, request.subject_ids) == ("done", [])


def deliver_after_erasure(people, login, **changes):
    """Have Ada's login erased; return the rows of what arrives about her account then."""
    disconnect(people, login, erase=True)
    comment = comment_change("17909999000000002", media="18009999000000001", text=COMMENT_TEXT)
    return people.apply_changes("17841499990000001", comment, **changes)


@pytest.mark.usefixtures("meta_client")
def test_an_event_that_arrives_after_the_erasure_is_stored_without_content(people):
    login, *_ = fill_tables(people)
    first = deliver_after_erasure(people, login)
    again = people.apply_changes(
        "17841499990000001",
        comment_change("17909999000000002", media="18009999000000001", text=COMMENT_TEXT),
    )
    assert find_traces(people) == set()
    assert [event.id for event in again] == [event.id for event in first]  # still a duplicate
    (event,) = first
    assert (event.status, event.account, event.publish_id) == ("ignored", None, None)
    assert event.payload_json == {"omitted": "the data of this account have been erased"}


@pytest.mark.usefixtures("meta_client")
def test_a_delivery_that_is_being_stored_during_the_erasure_is_erased_too(people):
    login, *_ = fill_tables(people)
    comment = comment_change("17909999000000002", media="18009999000000001", text=COMMENT_TEXT)
    entry = {"id": "17841499990000001", "time": SENT_AT, "changes": [comment]}
    body = {"object": "instagram", "entry": [entry]}
    with ThreadPoolExecutor(1) as pool:
        with people.database.transaction() as session:  # knows nothing of the erasure
            (result,) = insert_events(session, people.read_body(body))
            erasure = pool.submit(disconnect, people, login, erase=True)
            wait_until(lambda: people.all(text(IS_AWAITING_INSERTS)), what="the wait for inserts")
        erasure.result(timeout=10)
    (request,) = people.all(select(DataDeletion))
    assert (result.processed, request.state) == (False, "done")
    assert people.all(select(Event).where(Event.id == result.id)) == []
    assert find_traces(people) == set()


@pytest.mark.usefixtures("meta_client")
def test_an_event_after_a_disconnect_without_erasure_is_stored_whole(people):
    """The negative control."""
    login, *_ = fill_tables(people)
    disconnect(people, login)
    comment = comment_change("17909999000000002", media="18009999000000001", text="late canary")
    (event,) = people.apply_changes("17841499990000001", comment)
    assert event.account == "17841499990000001"
    assert "late canary" in people.dump_tables()


@pytest.mark.usefixtures("meta_client")
def test_events_are_stored_whole_again_once_the_account_is_connected_again(people):
    login, *_ = fill_tables(people)
    (before,) = deliver_after_erasure(people, login)
    with people.database.transaction() as session:
        late_events.accept_events(session, "instagram", ["17841499990000001"], people.services)
    comment = comment_change("17909999000000003", media="18009999000000001", text="again")
    (event,) = people.apply_changes("17841499990000001", comment)
    assert (before.account, event.account) == (None, "17841499990000001")


@pytest.mark.usefixtures("meta_client")
def test_events_about_a_login_that_another_user_has_too_are_stored_whole(people):
    former = people.create_login(open_id=ADA, disconnected_at=func.now(), status="DISCONNECTED")
    people.create_login(open_id=ADA)
    disconnect(people, former, erase=True)
    (event_id,) = people.store_changes(ADA, mention_change("18009999000000078"))
    (event,) = people.all(select(Event).where(Event.id == event_id))
    assert event.account == ADA


def test_host_applications_get_an_event_about_the_erasure_without_a_name(meta_client, people):
    login, *_ = fill_tables(people)
    send_callback(meta_client, DATA_DELETION, ADA)
    erased = [message for message in people.messages() if message["data"]["account_id"] == login]
    assert [(message["type"], message["data"]["name"]) for message in erased] == [
        ("account.disconnected", None)
    ]


def test_an_interrupted_erasure_is_finished_by_housekeeping(meta_client, people):
    fill_tables(people)
    with people.database.transaction() as session:
        session.add(DataDeletion(code="c0de", provider="instagram", subject_ids=[ADA]))
    assert find_traces(people) == {*TRACES, "canaryfile", "99990001"}
    page = meta_client.get("/data-deletion/c0de")
    assert "being erased" in page.text
    run_housekeeping(people.database, people.services)
    assert find_traces(people) == set()
    (request,) = people.all(select(DataDeletion))
    assert (request.state, request.subject_ids) == ("done", [])


def test_an_account_that_another_login_opens_by_now_is_kept(meta_client, people):
    """Ada's row has moved to the login of another person, who connected the same account."""
    people.create_login(open_id=ADA)
    destination = people.create_destination()
    media_id = people.create_media(destination, "1801")
    with people.database.transaction() as session:
        session.add(IgComment(ig_media_id=media_id, ig_id="1791", text="kept"))
    send_callback(meta_client, DATA_DELETION, ADA)
    assert len(people.all(select(IgMedia))) == 1
    assert [row.text for row in people.comments()] == ["kept"]
    assert people.all(select(Post)) == []
