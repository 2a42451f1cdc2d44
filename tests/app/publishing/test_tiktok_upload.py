import pytest

from core.ledger.settle import State
from db.accounts import AccountStatus
from db.posts import Post
from tests.platforms.hostile import a_port_nobody_listens_on, answer
from tests.platforms.script import refuses
from tests.publishing import A_PULL, AN_UPLOAD, INIT

UPLOAD = "/api/tiktok/upload"


def post(program, said=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return program.post(UPLOAD, json=A_PULL if said is None else said, headers=names)


def code(answered):
    assert answered.json["success"] is False
    assert answered.json["error"]["userMessage"]
    return answered.status_code, answered.json["error"]["code"]


def test_a_pull_is_answered_with_its_publish_id(program, account):
    told = post(program, {**A_PULL, "disable_duet": True})

    assert told.status_code == 200
    data, quota = told.json["data"], told.json["quota"]
    assert data["publish_id"].startswith("v_pub~")
    assert (data["status"], data["state"]) == ("PROCESSING_DOWNLOAD", "PROCESSING")
    assert (data["source"], data["mode"]) == ("PULL_FROM_URL", "INBOX")
    assert data["warnings"] == ["title", "disable_duet"]
    assert "upload_url" not in data
    assert (quota["used"], quota["limit"], quota["remaining"]) == (1, 5, 4)
    assert quota["resets_at"].endswith("Z")


def test_who_sends_the_bytes_is_told_where_to_and_how(program, account, desk):
    told = post(program, {**AN_UPLOAD, "video_size": 70_000_000})

    data = told.json["data"]
    assert told.status_code == 200
    assert data["upload_url"].startswith(desk.server.url)
    assert (data["chunk_size"], data["total_chunk_count"]) == (10_000_000, 7)
    assert data["upload_url_expires_at"].endswith("Z")
    assert (data["status"], data["state"]) == ("PROCESSING_UPLOAD", "SENDING")
    assert told.headers["Cache-Control"] == "no-store"


def test_the_address_is_in_no_other_answer(program, account):
    data = post(program, AN_UPLOAD).json["data"]
    secret = data["upload_url"].rpartition("=")[2]

    for path in (
        f"/api/posts/{data['id']}",
        "/api/posts",
        "/api/tiktok/posts",
        f"/api/tiktok/upload/{data['id']}/progress",
        f"/api/posts/{data['id']}/events",
    ):
        assert secret not in program.get(path).text


def test_a_file_of_ours_is_accepted_and_followed(program, account, desk):
    media = desk.a_file(account.user_id)

    told = post(program, {"source": "FILE_UPLOAD", "title": "A", "media_id": media})

    data = told.json["data"]
    assert told.status_code == 202
    assert (data["publish_id"], data["status"], data["state"]) == (None, "QUEUED", "QUEUED")
    assert data["status_url"] == told.headers["Location"] == f"/api/posts/{data['id']}"
    assert data["due_at"]


@pytest.mark.parametrize("prefer", ["respond-async", "wait=5, Respond-Async", "respond-async;x=1"])
def test_who_prefers_not_to_wait_is_answered_at_once(program, account, desk, prefer):
    assert post(program, Prefer=prefer).status_code == 202
    assert desk.calls(INIT) == []


def test_later_is_accepted_for_later(program, account):
    at = "2099-01-01T00:00:00Z"
    assert code(post(program, {**A_PULL, "publish_at": at})) == (400, "VALIDATION_ERROR")


def test_the_same_key_brings_the_same_answer(program, account):
    first = post(program, AN_UPLOAD, Idempotency_Key="k")
    again = post(program, AN_UPLOAD, Idempotency_Key="k")
    other = post(program, {**AN_UPLOAD, "title": "B"}, Idempotency_Key="k")

    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json["data"] == first.json["data"]
    assert code(other) == (422, "IDEMPOTENCY_MISMATCH")


def test_a_refusal_is_replayed_as_well(program, account, desk):
    desk.says(INIT, refuses(403, "url_ownership_unverified"))

    first = post(program, Idempotency_Key="k")
    again = post(program, Idempotency_Key="k")

    assert code(first) == code(again) == (403, "url_ownership_unverified")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(desk.calls(INIT)) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "caf\xe9"])
def test_a_key_that_is_none_is_refused(program, account, key):
    assert code(post(program, Idempotency_Key=key)) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "source"),
        ({**A_PULL, "videoUrl": "http://example.com/a.mp4"}, "videoUrl"),
        ({**A_PULL, "videoUrl": "https://127.0.0.1/a.mp4"}, "videoUrl"),
        ({**A_PULL, "title": "x" * 2201}, "title"),
        ({**A_PULL, "title": "nul\x00"}, "title"),
        ({**A_PULL, "title": None}, "title"),
        ({**A_PULL, "mode": "DIRECT"}, "privacy_level"),
        ({**A_PULL, "unheard": 1}, "unheard"),
        ({**AN_UPLOAD, "video_size": "1000"}, "video_size"),
        ({**AN_UPLOAD, "video_size": 0}, "video_size"),
        ({**AN_UPLOAD, "publish_at": "2026-12-01T00:00:00Z"}, "publish_at"),
    ],
)
def test_a_bad_field_is_named(program, account, said, field):
    told = post(program, said)

    assert code(told) == (400, "VALIDATION_ERROR")
    assert field in told.json["error"]["details"]["fields"]


def test_bytes_of_a_caller_cannot_be_queued(program, account):
    assert code(post(program, AN_UPLOAD, Prefer="respond-async")) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"{", "application/json", (400, "VALIDATION_ERROR")),
        (b"[]", "application/json", (400, "VALIDATION_ERROR")),
        (b'{"title": NaN}', "application/json", (400, "VALIDATION_ERROR")),
        (b"[" * 50_000, "application/json", (400, "VALIDATION_ERROR")),
        (b"\xff\xfe", "application/json", (400, "VALIDATION_ERROR")),
        (
            b"source=PULL_FROM_URL",
            "application/x-www-form-urlencoded",
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        (b" " * 70_000, "application/json", (413, "PAYLOAD_TOO_LARGE")),
    ],
)
def test_what_is_no_json_of_ours_is_refused(program, account, data, kind, expected):
    assert code(program.post(UPLOAD, data=data, content_type=kind)) == expected


def test_a_stranger_and_a_key_without_the_scope_are_refused(client, a_program, alice, account):
    assert code(client.post(UPLOAD, json=A_PULL)) == (401, "UNAUTHORIZED")
    assert code(post(a_program(alice, "posts:read"))) == (403, "FORBIDDEN")


def test_without_an_account_there_is_nothing_to_post_with(program):
    assert code(post(program)) == (403, "not_connected")


def test_of_several_accounts_one_has_to_be_named(program, account, desk):
    other = desk.tenants.an_account(account.user_id)

    assert code(post(program)) == (400, "account_required")
    assert post(program, {**A_PULL, "account_id": other}).status_code == 200


def test_what_is_somebody_elses_does_not_exist(program, account, desk):
    theirs = desk.tenants.account(desk.tenants.an_account())
    media = desk.a_file(theirs.user_id)

    assert code(post(program, {**A_PULL, "account_id": theirs.id})) == (404, "NOT_FOUND")
    said = {"source": "FILE_UPLOAD", "title": "A", "media_id": media}
    assert code(post(program, said)) == (404, "NOT_FOUND")


def test_a_file_that_is_not_whole_is_refused(program, account, desk):
    media = desk.a_file(account.user_id, complete=False)
    said = {"source": "FILE_UPLOAD", "title": "A", "media_id": media}

    assert code(post(program, said)) == (400, "VALIDATION_ERROR")


def test_an_account_that_is_away_asks_for_its_owner(program, account, desk):
    desk.tenants.change(account.id, status=AccountStatus.NEEDS_RECONNECT)

    assert code(post(program)) == (401, "access_token_invalid")


def test_a_permission_that_is_missing_is_told(program, account, desk):
    desk.tenants.change(account.id, scope="user.info.basic")

    assert code(post(program)) == (403, "scope_not_authorized")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (refuses(400, "invalid_params"), (400, "invalid_param")),
        (refuses(403, "url_ownership_unverified"), (403, "url_ownership_unverified")),
        (
            refuses(403, "spam_risk_too_many_pending_share"),
            (429, "spam_risk_too_many_pending_share"),
        ),
        (
            refuses(403, "spam_risk_user_banned_from_posting"),
            (403, "spam_risk_user_banned_from_posting"),
        ),
        (refuses(401, "scope_not_authorized"), (403, "scope_not_authorized")),
        (refuses(429, "rate_limit_exceeded"), (429, "rate_limit_exceeded")),
    ],
)
@pytest.mark.parametrize("wish", [A_PULL, AN_UPLOAD])
def test_what_the_platform_refuses_is_told_by_its_name(
    program, account, desk, said, expected, wish
):
    desk.says(INIT, said)

    told = post(program, wish)

    assert code(told) == expected
    if expected[0] == 429:
        assert int(told.headers["Retry-After"]) > 0


def test_a_cap_of_the_whole_app_makes_posts_wait_and_tells_callers_to(program, account, desk):
    desk.says(INIT, refuses(403, "reached_active_user_cap"))

    waits, told = post(program), post(program, AN_UPLOAD)

    assert (waits.status_code, waits.json["data"]["state"]) == (202, "QUEUED")
    assert waits.json["data"]["due_at"] > "2026"
    assert code(told) == (429, "reached_active_user_cap")
    assert int(told.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(503, b""), (503, "tiktok_unavailable")),
        (refuses(500, "internal_error"), (503, "server_error")),
        (answer(200, b"<html>"), (503, "tiktok_unavailable")),
    ],
)
def test_an_absent_platform_is_an_error_for_who_sends_the_bytes(
    program, account, desk, said, expected
):
    desk.says(INIT, said)

    assert code(post(program, AN_UPLOAD)) == expected
    assert desk.count(Post.state == State.FAILED) == 1


def test_an_absent_platform_only_delays_what_we_can_send_later(program, account, desk):
    desk.says(INIT, answer(503, b""))

    told = post(program)

    assert (told.status_code, told.json["data"]["state"]) == (202, "QUEUED")


def test_a_fault_that_may_have_come_after_the_work_is_asked_after_not_repeated(
    program, account, desk
):
    desk.says(INIT, refuses(500, "internal_error"))

    told = post(program)

    assert (told.status_code, told.json["data"]["state"]) == (202, "UNCONFIRMED")


def test_a_lost_answer_is_accepted_as_unconfirmed(program, account, desk):
    desk.loses(INIT)

    told = post(program)

    assert (told.status_code, told.json["data"]["state"]) == (202, "UNCONFIRMED")
    assert told.json["data"]["publish_id"] is None


def test_a_full_quota_is_told_with_its_figures(program, account, desk):
    for _ in range(5):
        assert post(program, Prefer="respond-async").status_code == 202

    told = post(program)

    assert code(told) == (429, "quota_exceeded")
    assert told.json["error"]["details"]["quota"]["remaining"] == 0
    assert int(told.headers["Retry-After"]) > 0
    assert post(program, Prefer="respond-async").status_code == 202


def test_nothing_is_lost_without_postgres(stage, account, an_api_key, alice):
    key = an_api_key(alice)
    nowhere = a_port_nobody_listens_on().removeprefix("http://")
    app = stage.house(DATABASE_URL=f"postgresql://u:p@{nowhere}/none")
    headers = {"Authorization": f"Bearer {key}"}

    told = app.test_client().post(UPLOAD, json=A_PULL, headers=headers)

    assert code(told) == (503, "SERVICE_UNAVAILABLE")
    assert told.headers["Retry-After"]
