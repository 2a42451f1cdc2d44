import pytest

from tests.platforms.script import ok, refuses
from tests.publishing import A_PULL, AN_UPLOAD, CANCEL, INIT, STATUS, status

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def a_post(program, account):
    """The id of a queued post of Alice's."""

    def make(**more):
        told = program.post("/api/tiktok/upload", json={**A_PULL, **more}, headers=ASYNC)
        return told.json["data"]["id"]

    return make


def code(answered):
    return answered.status_code, answered.json["error"]["code"]


def test_a_post_is_shown_whole(program, a_post, account):
    made = a_post(title="A film")

    data = program.get(f"/api/posts/{made}").json["data"]

    assert data["id"] == made
    assert (data["platform"], data["state"], data["status"]) == ("tiktok", "QUEUED", "QUEUED")
    assert (data["kind"], data["source"], data["title"]) == (
        "INBOX_VIDEO",
        "PULL_FROM_URL",
        "A film",
    )
    assert data["account_id"] == account.id
    assert data["progress"] == {"step": None, "bytes_sent": 0, "bytes_total": None}
    assert [event["kind"] for event in data["events"]] == ["request"]
    assert data["error"] is None
    assert data["created_at"].endswith("Z")


def test_the_timeline_goes_on_where_it_was_left(program, a_post, desk):
    made = a_post()
    first = program.get(f"/api/posts/{made}/events").json["events"]
    desk.works(1)

    rest = program.get(f"/api/posts/{made}/events?after={first[-1]['id']}").json["events"]

    assert [event["to"] for event in rest if event["to"]] == ["SENDING", "PROCESSING"]


def test_a_list_is_cut_and_filtered(program, a_post, account, desk):
    made = [a_post(title=f"Film {number}%") for number in range(3)]
    desk.change(made[0], state="FAILED", due_at=None)

    def found(query):
        return [each["id"] for each in program.get(f"/api/posts?{query}").json["data"]]

    assert found("") == made[::-1]
    assert found("state=FAILED") == made[:1]
    assert found("state=PUBLISHED") == []
    assert found("platform=tiktok&limit=1") == made[2:]
    assert found("platform=instagram") == []
    assert found(f"account_id={account.id}") == made[::-1]
    assert found("account_id=999999") == []
    assert found("q=film 1%25") == [made[1]]
    assert found("q=%25 1") == []
    assert found("from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00Z") == []
    cursor = program.get("/api/posts?limit=2").json["next_cursor"]
    assert found(f"cursor={cursor}") == made[:1]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "state=x",
        "platform=x",
        "from=yesterday",
        "cursor=-1",
        "q=%00",
        "y=1",
    ],
)
def test_a_bad_query_is_refused(program, query):
    assert code(program.get(f"/api/posts?{query}")) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/posts/{}"),
        ("get", "/api/posts/{}/events"),
        ("post", "/api/posts/{}/cancel"),
        ("post", "/api/posts/{}/retry"),
        ("post", "/api/posts/{}/release"),
    ],
)
def test_a_post_of_somebody_else_does_not_exist(program, mallory, client, a_post, method, path):
    made = a_post()

    assert code(getattr(mallory, method)(path.format(made))) == (404, "NOT_FOUND")
    assert code(getattr(program, method)(path.format(2**62))) == (404, "NOT_FOUND")
    assert code(getattr(client, method)(path.format(made))) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("deed", ["cancel", "retry", "release"])
def test_deeds_need_the_scope_and_take_no_more_than_they_know(
    a_program, alice, program, a_post, deed
):
    path = f"/api/posts/{a_post()}/{deed}"

    assert code(a_program(alice, "posts:read").post(path)) == (403, "FORBIDDEN")
    assert code(program.post(path, json={"x": 1})) == (400, "VALIDATION_ERROR")
    assert code(program.post(path, data="{", content_type="application/json"))[0] == 400
    assert code(program.get(path)) == (405, "METHOD_NOT_ALLOWED")


def test_a_queued_post_is_cancelled_once(program, a_post):
    made = a_post()

    told = program.post(f"/api/posts/{made}/cancel")

    assert (told.status_code, told.json["data"]["state"]) == (200, "CANCELLED")
    assert code(program.post(f"/api/posts/{made}/cancel")) == (409, "publish_not_cancellable")


def test_a_pull_under_way_is_cancelled_by_the_platform_or_not_at_all(program, account, desk):
    made = program.post("/api/tiktok/upload", json=A_PULL).json["data"]["id"]
    desk.says(CANCEL, refuses(400, "publish_not_cancellable"))
    assert code(program.post(f"/api/posts/{made}/cancel")) == (409, "publish_not_cancellable")

    desk.says(CANCEL, ok())

    assert program.post(f"/api/posts/{made}/cancel").json["data"]["state"] == "CANCELLED"


def test_a_failed_post_is_sent_again_as_another(program, account, desk):
    desk.says(INIT, refuses(400, "invalid_param"))
    refused = program.post("/api/tiktok/upload", json=A_PULL).json["error"]["details"]["id"]
    headers = {"Idempotency-Key": "again"}

    told = program.post(f"/api/posts/{refused}/retry", headers=headers)
    again = program.post(f"/api/posts/{refused}/retry", headers=headers)

    made = told.json["data"]["id"]
    assert told.status_code == 202
    assert again.json["data"]["id"] == made != refused
    assert again.headers["Idempotency-Replayed"] == "true"
    assert program.get(f"/api/posts/{made}").json["data"]["retry_of"] == refused


def test_a_retry_of_a_callers_upload_brings_a_new_address(program, account, desk):
    made = program.post("/api/tiktok/upload", json=AN_UPLOAD).json["data"]["id"]
    desk.says(STATUS, status("FAILED", fail_reason="internal"))
    desk.works(1)

    told = program.post(f"/api/posts/{made}/retry")

    assert told.status_code == 200
    assert told.json["data"]["upload_url"]


def test_an_unknown_end_has_to_be_confirmed(program, account, desk):
    desk.loses(INIT)
    made = program.post("/api/tiktok/upload", json=A_PULL).json["data"]["id"]

    refused = program.post(f"/api/posts/{made}/retry", json={})
    told = program.post(f"/api/posts/{made}/retry", json={"confirm": True})

    assert code(refused) == (409, "CONFLICT")
    assert told.status_code == 202
    assert code(program.post(f"/api/posts/{made}/retry", json={"confirm": 1}))[0] == 400


def test_a_held_post_is_released(program, a_post, desk):
    made = a_post()
    assert code(program.post(f"/api/posts/{made}/release")) == (409, "CONFLICT")
    desk.change(made, hold_reason="wait_for_release", due_at=None)

    told = program.post(f"/api/posts/{made}/release")

    assert told.status_code == 202
    assert told.json["data"]["hold_reason"] is None
    assert told.json["data"]["due_at"]
