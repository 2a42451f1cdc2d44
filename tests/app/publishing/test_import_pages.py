"""The import of posts from a table: a preview, then all rows or none, and each import once."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from db.identity.users import User
from db.posts.posts import Post
from tests.app.publishing.test_post_requests import VIDEO_URL

HEADING = "account;publish_at;text;media"
DAY = (datetime.now(UTC) + timedelta(days=20)).date()


@pytest.fixture
def browser(sign_in, alice):
    return sign_in(alice)


@pytest.fixture
def rows(account):
    """Two rows for Alice's account."""
    return [
        f"tiktok-a{account.id};{DAY} 18:00;First;{VIDEO_URL}",
        f"tiktok-a{account.id};{DAY} 19:30;Second;{VIDEO_URL}",
    ]


def submit(browser, rows, action="import", import_id=None, **more):
    table = "\n".join([HEADING, *rows])
    import_id = str(import_id or uuid4())
    fields = {"table": table, "action": action, "import_id": import_id, **more}
    return browser.post("/posts/import", data=fields)


def list_posts(publisher):
    query = select(Post).order_by(Post.publish_at)
    return [
        (post.title, post.state, f"{post.publish_at:%d %H:%M}") for post in publisher.all(query)
    ]


def test_a_preview_stores_nothing(browser, rows, publisher):
    response = submit(browser, rows, action="check")
    assert response.status_code == 200
    assert "Import 2 posts" in response.text
    assert list_posts(publisher) == []


def test_all_rows_are_stored_at_their_times(browser, rows, publisher):
    assert submit(browser, rows).status_code == 303
    day = f"{DAY:%d}"
    assert list_posts(publisher) == [
        ("First", "QUEUED", f"{day} 18:00"),
        ("Second", "QUEUED", f"{day} 19:30"),
    ]


def test_times_are_those_of_the_users_zone(browser, rows, publisher, alice):
    with publisher.database.transaction() as session:
        session.execute(update(User).where(User.id == alice.id).values(time_zone="Asia/Kathmandu"))
    submit(browser, rows)
    assert [at[-5:] for _, _, at in list_posts(publisher)] == ["12:15", "13:45"]


def test_one_faulty_row_keeps_all_from_being_stored(browser, rows, publisher):
    response = submit(browser, [*rows, f"nobody;tomorrow;;{VIDEO_URL}"])
    assert "There is no usable account “nobody”" in response.text
    assert "“tomorrow” is no time" in response.text
    assert "1 row has to be mended" in response.text
    assert list_posts(publisher) == []


def test_rows_are_judged_by_the_rules_of_a_request(browser, account, publisher):
    rows = [
        f"tiktok-a{account.id};{DAY} 18:00;;{VIDEO_URL}",
        f"tiktok-a{account.id};2020-01-01 10:00;Past;{VIDEO_URL}",
        f"tiktok-a{account.id};{DAY} 18:00;No file;999",
    ]
    text = submit(browser, rows).text
    assert "Write a caption." in text
    assert "Choose a time within the next 90 days." in text
    assert "3 rows have to be mended" in text
    assert list_posts(publisher) == []


def test_an_import_that_is_sent_twice_is_stored_once(browser, rows, publisher):
    import_id = uuid4()
    for _ in range(2):
        assert submit(browser, rows, import_id=import_id).status_code == 303
    assert len(list_posts(publisher)) == 2


def test_the_same_import_with_other_rows_is_refused_as_a_whole(browser, rows, publisher):
    import_id = uuid4()
    submit(browser, rows[:1], import_id=import_id)
    response = submit(browser, [rows[1], rows[0]], import_id=import_id)
    assert response.status_code == 422
    assert "Nothing was imported." in response.text
    assert len(list_posts(publisher)) == 1


def test_a_row_that_is_refused_while_it_is_stored_leaves_no_other(browser, rows, publisher):
    import_id = uuid4()
    submit(browser, rows, import_id=import_id)
    with publisher.database.transaction() as session:
        session.execute(delete(Post).where(Post.title == "First"))
    changed = [rows[0], rows[1].replace("19:30", "20:30")]
    assert submit(browser, changed, import_id=import_id).status_code == 422
    assert [title for title, _, _ in list_posts(publisher)] == ["Second"]


def test_a_file_in_utf_16_is_taken(browser, rows, publisher):
    table = "\n".join([HEADING, *rows]).encode("utf-16")
    encoded = base64.b64encode(table).decode()
    assert submit(browser, [], file=encoded).status_code == 303
    assert len(list_posts(publisher)) == 2


def test_the_template_can_be_imported(browser, rows, publisher):
    template = browser.get("/posts/import/template.csv").get_data().decode("utf-8-sig")
    row = template.splitlines()[1].replace("2026-12-01", str(DAY))
    table = f"{template.splitlines()[0]}\n{row}"
    fields = {"table": table, "action": "import", "import_id": str(uuid4())}
    assert browser.post("/posts/import", data=fields).status_code == 303
    assert len(list_posts(publisher)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "%"},
        {"table": ""},
        {"table": "\x00"},
        {"import_id": "x"},
        {"table": f"{HEADING};options.privacy_level\na;b;c;d;[[["},
    ],
)
def test_whatever_is_sent_is_no_internal_error(browser, rows, changes):
    assert submit(browser, rows, **changes).status_code < 500


def test_an_account_of_another_user_is_not_found(browser, rows, sign_in, make_user, publisher):
    mallory = sign_in(make_user("mallory@example.org"))
    assert "There is no usable account" in submit(mallory, rows).text
    assert list_posts(publisher) == []
