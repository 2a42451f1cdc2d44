"""Callbacks about a person: signed forms revoke logins and have data erased; a page tells."""

import base64
import hmac
import json
import re
from hashlib import sha256

import pytest
from sqlalchemy import func, select, text, update

from app.http.context import CONTAINER_KEY
from core.accounts import disconnect_account
from core.health.housekeeping import run_housekeeping
from db.accounts.accounts import Account
from db.comments.replies import CommentReply, ReplyState
from db.media.files import Media
from db.ops.data_deletions import DataDeletion
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.records.instagram_tables import IgComment, IgMedia, InstagramAccount
from tests.support.instagram_webhooks import (
    InstagramWebhookHarness,
    comment_change,
    mention_change,
)
from tests.support.row_factory import HOUR

DEAUTHORIZE = "/api/webhooks/instagram/deauthorize"
DATA_DELETION = "/api/webhooks/instagram/data-deletion"
FACEBOOK_SECRET, INSTAGRAM_SECRET = "facebooksecret", "instagramsecret"
ADA, ALIAS = "10159999000000001", "17841499990000099"
ISSUED_AT = 4102444800  # after every grant of these tests
CAPTION, COMMENT_TEXT, REPLY_TEXT = "caption canary", "comment canary", "reply canary"
NAMES = ("Ada Canary", "canarybakery", CAPTION, COMMENT_TEXT, REPLY_TEXT, "canaryvisitor")


@pytest.fixture
def meta_app(app_factory, tmp_path):
    return app_factory.create_app(
        PUBLIC_URL="https://app.example",
        MEDIA_URL=f"file://{tmp_path}",
        FACEBOOK_APP_ID="1021",
        FACEBOOK_APP_SECRET=FACEBOOK_SECRET,
        INSTAGRAM_APP_ID="2021",
        INSTAGRAM_APP_SECRET=INSTAGRAM_SECRET,
    )


@pytest.fixture
def meta_client(meta_app):
    return meta_app.test_client()


@pytest.fixture
def people(meta_app):
    container = meta_app.extensions[CONTAINER_KEY]
    return InstagramWebhookHarness(
        container.database, container.services.key_ring, container.services
    )


def sign_request(person, *, secret=FACEBOOK_SECRET, issued_at=ISSUED_AT, **fields):
    payload = {"algorithm": "HMAC-SHA256", "issued_at": issued_at, "user_id": person, **fields}
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    digest = hmac.new(secret.encode(), encoded.encode(), sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") + "." + encoded


def send_callback(client, path, person, **options):
    return client.post(path, data={"signed_request": sign_request(person, **options)})


def count_rows(people, *tables):
    with people.database.transaction() as session:
        return [session.scalar(text(f'SELECT count(*) FROM "{table}"')) for table in tables]


@pytest.mark.parametrize("secret", [FACEBOOK_SECRET, INSTAGRAM_SECRET])
@pytest.mark.parametrize("person", [ADA, ALIAS])
def test_a_deauthorization_revokes_the_login_under_any_of_its_ids(
    meta_client, people, secret, person
):
    login = people.create_login(open_id=ADA, aliases=[ALIAS])
    destination = people.create_destination(login, page_access_token_encrypted="sealed")
    post = people.create_post(login, provider="instagram", kind="IMAGE", sent_by="PLATFORM")
    other = people.create_login()
    response = send_callback(meta_client, DEAUTHORIZE, person, secret=secret)
    assert (response.status_code, response.json["success"]) == (200, True)
    row = people.account(login)
    assert (row.status, row.status_cause) == ("REVOKED", "removed_in_app")
    assert (row.access_token_encrypted, row.due_at) == (None, None)
    (stored,) = people.all(select(InstagramAccount))
    assert stored.id == destination.id
    assert (stored.page_access_token_encrypted, stored.disconnected_at is None) == (None, False)
    assert people.post(post).hold_reason == "needs_reconnect"
    assert people.account(other).status == "ACTIVE"


def test_all_logins_of_a_person_are_revoked_whoever_connected_them(meta_client, people):
    logins = [people.create_login(open_id=ADA), people.create_login(aliases=[ADA])]
    send_callback(meta_client, DEAUTHORIZE, ADA)
    assert [people.account(login).status for login in logins] == ["REVOKED"] * 2


def test_a_deauthorization_of_before_the_present_grant_changes_nothing(meta_client, people):
    login = people.create_login(open_id=ADA)
    response = send_callback(meta_client, DEAUTHORIZE, ADA, issued_at=1763800000)
    assert response.status_code == 200
    assert people.account(login).status == "ACTIVE"


@pytest.mark.parametrize("path", [DEAUTHORIZE, DATA_DELETION])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"signed_request=",
        b"signed_request=abc",
        b"signed_request=abc.def",
        b"{}",
        b"\xff\xfe",
        b"signed_request=%ff.%ff",
        b"&".join(b"a=b" for _ in range(100)),
        b"signed_request=" + sign_request(ADA, secret="forged").encode(),
        b"signed_request=" + sign_request(ADA, algorithm="none").encode(),
        b"signed_request=" + sign_request(None).encode(),
        b"signed_request=" + sign_request({"a": 1}).encode(),
    ],
)
def test_a_malformed_or_forged_form_is_400_and_changes_nothing(meta_client, people, path, body):
    login = people.create_login(open_id=ADA)
    form_type = "application/x-www-form-urlencoded"
    response = meta_client.post(path, data=body, content_type=form_type)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_payload")
    assert people.account(login).status == "ACTIVE"
    assert people.all(select(DataDeletion)) == []


def test_a_form_that_is_far_too_long_is_413(meta_client):
    response = meta_client.post(DEAUTHORIZE, data=b"signed_request=" + b"a" * 100_000)
    assert response.status_code == 413


@pytest.mark.parametrize("name", ["deauthorize", "data-deletion"])
def test_platforms_without_callbacks_are_not_found(client, name):
    for provider in ("tiktok", "myspace"):
        assert client.post(f"/api/webhooks/{provider}/{name}").status_code == 404


def test_a_data_deletion_is_answered_in_the_form_that_the_platform_wants(meta_client, people):
    people.create_login(open_id=ADA)
    answer = send_callback(meta_client, DATA_DELETION, ADA).json
    code = answer["confirmation_code"]
    assert re.fullmatch(r"[0-9a-f]{32}", code)
    assert answer == {"url": f"https://app.example/data-deletion/{code}", "confirmation_code": code}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "All data about you have been erased."), ("fr", "ont été effacées")],
)
def test_the_page_of_a_request_says_that_it_is_done(meta_client, people, language, sentence):
    people.create_login(open_id=ADA)
    code = send_callback(meta_client, DATA_DELETION, ADA).json["confirmation_code"]
    page = meta_client.get(f"/data-deletion/{code}", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert sentence in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.headers["X-Robots-Tag"]


def test_the_page_of_an_unknown_code_is_404(meta_client):
    assert meta_client.get("/data-deletion/" + "0" * 32).status_code == 404


def test_a_person_whom_nobody_knows_gets_a_code_that_says_so(meta_client):
    code = send_callback(meta_client, DATA_DELETION, ADA).json["confirmation_code"]
    assert "No data about you were stored." in meta_client.get(f"/data-deletion/{code}").text


def test_a_repeated_request_has_the_same_code_and_spares_a_later_grant(meta_client, people):
    people.create_login(open_id=ADA)
    first = send_callback(meta_client, DATA_DELETION, ADA).json
    again = people.create_login(open_id=ADA)
    assert send_callback(meta_client, DATA_DELETION, ADA).json == first
    assert people.account(again).status == "ACTIVE"
    later = send_callback(meta_client, DATA_DELETION, ADA, issued_at=ISSUED_AT + 1).json
    assert later["confirmation_code"] != first["confirmation_code"]
    assert count_rows(people, "oauth_accounts") == [0]


def test_a_request_without_a_time_erases_each_time(meta_client, people):
    people.create_login(open_id=ADA)
    first = send_callback(meta_client, DATA_DELETION, ADA, issued_at=None).json
    people.create_login(open_id=ADA)
    assert send_callback(meta_client, DATA_DELETION, ADA, issued_at=None).json == first
    assert count_rows(people, "oauth_accounts") == [0]


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
        session.execute(text(HISTORY_SQL), {"post": f"post:{post}", "login": f"account:{login}"})
        session.execute(text(ATTEMPTS_SQL), {"post": post, "login": login})
        session.execute(text("UPDATE audit_log SET user_id = :user"), {"user": user_id})
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
INSERT INTO audit_log (actor, action, subject, details)
VALUES ('web', 'post.rejected', :post, '{"title": "caption canary"}'),
       ('web', 'account.connected', :login, '{"name": "Ada Canary"}')
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
