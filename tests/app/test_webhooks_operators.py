"""The inbox in the hands of cron and of operators: run by hand, looked into, replayed."""

import pytest
from sqlalchemy import text

from core.webhooks import process
from tests.tiktok_sender import Sender, an_envelope

SECRET = "the-workers-secret-word-0123456789"
RUN = "/api/workers/webhooks"
EVENTS = "/api/admin/webhook-events"


@pytest.fixture
def change(house):
    def run(statement):
        with house.database.transaction() as session:
            session.execute(text(statement))

    return run


@pytest.fixture
def admin(a_user, a_program):
    return a_program(a_user("root@example.org", is_admin=True), "admin")


@pytest.fixture
def three(client):
    """Three stored notices of publications that nobody knows."""
    for number in range(3):
        Sender(client).send(an_envelope(publish_id=f"p{number}"))


# By hand


@pytest.mark.parametrize("header", ["Authorization", "X-Worker-Secret"])
def test_the_secret_sets_a_batch_going(client, three, header):
    sent = f"Bearer {SECRET}" if header == "Authorization" else SECRET
    answer = client.post(RUN, headers={header: sent})
    assert answer.status_code == 200
    assert answer.json == {"success": True, "message": "0 events processed", "processed": 0}
    Sender(client).send(an_envelope("authorization.removed"))
    assert client.post(RUN, headers={header: sent}).json["processed"] == 1


def test_a_key_that_may_run_workers_does_as_well(a_user, a_program):
    assert a_program(a_user(), "workers:run").post(RUN).status_code == 200
    assert a_program(a_user("bob@example.org"), "posts:read").post(RUN).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"X-Worker-Secret": "wrong"}, {"X-Worker-Secret": ""}])
def test_nobody_else_does(client, headers):
    assert client.post(RUN, headers=headers).status_code == 401


def test_without_a_secret_it_is_503_in_every_environment(stage):
    client = stage.house(WORKER_SECRET="").test_client()
    assert client.post(RUN, headers={"X-Worker-Secret": ""}).status_code == 503


def test_get_tells_what_it_is_and_changes_nothing(client, three, change, house):
    answer = client.get(RUN)
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["worker"]) == ("ok", "webhook-processor")
    assert client.head(RUN).status_code == 200
    with house.database.transaction() as session:
        assert session.execute(text("SELECT sum(retry_count) FROM webhook_events")).scalar() == 0


def test_a_batch_is_no_larger_than_the_setting(stage, house):
    app = stage.house(WEBHOOK_BATCH="2")
    client = app.test_client()
    for number in range(3):
        Sender(client).send(an_envelope("authorization.removed", publish_id=f"p{number}"))
    processed = [
        client.post(RUN, headers={"X-Worker-Secret": SECRET}).json["processed"] for _ in range(3)
    ]
    assert processed == [2, 1, 0]


# Looked into


def test_operators_see_events_newest_first_page_by_page(admin, three):
    first = admin.get(f"{EVENTS}?limit=2").json
    assert [one["publishId"] for one in first["data"]] == ["p2", "p1"]
    rest = admin.get(f"{EVENTS}?limit=2&cursor={first['nextCursor']}").json
    assert [one["publishId"] for one in rest["data"]] == ["p0"]
    assert rest["nextCursor"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=pending", 2),
        ("status=processing", 1),
        ("status=done", 0),
        ("provider=tiktok", 3),
        ("provider=instagram", 0),
        ("type=video.publish.complete", 3),
        ("type=tiktok.ping", 0),
    ],
)
def test_filters_narrow_the_list(admin, three, change, query, count):
    change("UPDATE webhook_events SET leased_until = now() + interval '9 s' WHERE publish_id='p1'")
    assert len(admin.get(f"{EVENTS}?{query}").json["data"]) == count


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "color=red"])
def test_a_strange_question_is_400(admin, query):
    assert admin.get(f"{EVENTS}?{query}").status_code == 400


def test_one_event_comes_with_what_was_sent(admin, three):
    event = admin.get(EVENTS).json["data"][0]
    assert "payload" not in event
    detail = admin.get(f"{EVENTS}/{event['id']}").json["data"]
    assert detail["payload"] == an_envelope(publish_id="p2")
    assert detail["createdAt"].endswith("Z")
    assert admin.get(f"{EVENTS}/999999").status_code == 404


@pytest.mark.parametrize("path", ["", "/1", "/1/replay", "/replay"])
def test_nobody_but_an_administrator_sees_them(client, a_user, a_program, path):
    program = a_program(a_user(), "posts:read", "accounts:read")
    method = "post" if path.endswith("replay") else "get"
    for who, status in ((client, 401), (program, 403)):
        assert getattr(who, method)(EVENTS + path, json={"ids": [1]}).status_code == status


# Replayed


def dead(change):
    change("UPDATE webhook_events SET status='dead', dead_at=now(), next_attempt_at=NULL,"
           " retry_count=15 WHERE publish_id IN ('p0', 'p1')")  # fmt: skip


def test_a_dead_letter_is_replayed_with_all_its_patience(admin, three, change, house):
    dead(change)
    event = admin.get(f"{EVENTS}?status=dead").json["data"][0]
    answer = admin.post(f"{EVENTS}/{event['id']}/replay")
    assert answer.json == {"success": True, "replayed": 1, "ids": [event["id"]]}
    again = admin.get(f"{EVENTS}/{event['id']}").json["data"]
    assert (again["status"], again["retryCount"], again["deadAt"]) == ("pending", 0, None)
    assert process(house.database, house.world, limit=10).claimed == 3 - 1
    with house.database.transaction() as session:
        noted = text("SELECT actor, details FROM audit_log WHERE action = 'webhooks.replayed'")
        assert session.execute(noted).one() == ("key", {"ids": [event["id"]]})


def test_what_is_still_pending_is_a_conflict_and_what_is_not_there_a_404(admin, three):
    event = admin.get(EVENTS).json["data"][0]
    assert admin.post(f"{EVENTS}/{event['id']}/replay").status_code == 409
    assert admin.post(f"{EVENTS}/999999/replay").status_code == 404


def test_many_are_replayed_by_id_or_by_time(admin, three, change):
    dead(change)
    ids = [one["id"] for one in admin.get(EVENTS).json["data"]]
    assert admin.post(f"{EVENTS}/replay", json={"ids": ids}).json["replayed"] == 2
    dead(change)
    since = {"since": "2020-01-01T00:00:00Z", "provider": "tiktok"}
    assert admin.post(f"{EVENTS}/replay", json=since).json["replayed"] == 2
    assert admin.post(f"{EVENTS}/replay", json={"since": "2999-01-01T00:00:00Z"}).json["ids"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"provider": "tiktok"}, {"ids": []}, {"ids": ["x"]}, {"since": "yesterday"},
     {"since": "2020-01-01T00:00:00"}, {"ids": [1], "force": True}],
)  # fmt: skip
def test_a_replay_names_what_it_means(admin, body):
    assert admin.post(f"{EVENTS}/replay", json=body).status_code == 400
