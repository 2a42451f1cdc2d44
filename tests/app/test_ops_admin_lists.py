"""The lists for operators: the audit log, users and queues."""

import pytest


def test_the_audit_log_is_listed_newest_first_and_reading_it_is_recorded(admin_client):
    admin_client.get("/api/admin/webhook-events/1")
    first = admin_client.get("/api/admin/audit?action=audit_log.read").json
    assert first["data"] == []
    second = admin_client.get("/api/admin/audit?action=audit_log.read").json["data"]
    assert [entry["details"] for entry in second] == [{"action": "audit_log.read"}]
    assert second[0]["actor"] == "key"


def test_the_audit_log_is_read_page_by_page(admin_client, make_user):
    for number in range(3):
        make_user(f"user{number}@example.org")
    route = "/api/admin/audit?action=user.added&limit=2"
    first = admin_client.get(route).json
    last = admin_client.get(f"{route}&cursor={first['nextCursor']}").json
    ids = [entry["id"] for entry in (*first["data"], *last["data"])]
    assert ids == sorted(ids, reverse=True)
    assert last["nextCursor"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("userId={id}", 0),  # the owner of an entry; nobody owns the one about a new user
        ("subject=user:{id}", 1),
        ("subject=user:999", 0),
        ("actor=cli", 0),
        ("since=2999-01-01T00:00:00Z", 0),
        ("until=2000-01-01T00:00:00Z", 0),
        ("correlationId=none", 0),
    ],
)
def test_filters_narrow_the_audit_log(admin_client, make_user, query, count):
    bob = make_user("bob@example.org")
    route = f"/api/admin/audit?action=user.added&{query.format(id=bob.id)}"
    found = admin_client.get(route).json["data"]
    assert [entry["subject"] for entry in found] == [f"user:{bob.id}"] * count


@pytest.mark.parametrize("query", ["userId=0", "cursor=x", "limit=101", "since=now", "color=red"])
def test_an_invalid_filter_of_the_audit_log_is_400(admin_client, query):
    assert admin_client.get(f"/api/admin/audit?{query}").status_code == 400


def test_users_are_found_by_a_part_of_their_email(admin_client, make_user):
    bob = make_user("bob_the@example.org")
    make_user("bobXthe@example.org")
    (found,) = admin_client.get("/api/admin/users?q=bob_").json["data"]
    assert (found["id"], found["email"], found["disabledAt"]) == (bob.id, bob.email, None)
    assert "password" not in {name.lower() for name in found}


def test_a_disabled_user_is_shut_out_until_enabled(admin_client, client, make_user):
    bob = make_user("bob@example.org")
    credentials = {"email": bob.email, "password": bob.password}
    disabled = admin_client.post(f"/api/admin/users/{bob.id}/disable")
    assert disabled.json["user"]["disabledAt"].endswith("Z")
    assert client.post("/api/auth/login", json=credentials).status_code == 401
    enabled = admin_client.post(f"/api/admin/users/{bob.id}/enable")
    assert enabled.json["user"]["disabledAt"] is None
    assert client.post("/api/auth/login", json=credentials).status_code == 200
    actions = [
        entry["action"]
        for entry in admin_client.get(f"/api/admin/audit?subject=user:{bob.id}").json["data"]
    ]
    assert [action for action in actions if not action.startswith("login.")] == [
        "user.enabled",
        "user.disabled",
        "user.added",
    ]


def test_nobody_disables_themselves_or_a_user_who_does_not_exist(admin_client):
    own_id = admin_client.get("/api/admin/users").json["data"][0]["id"]
    answer = admin_client.post(f"/api/admin/users/{own_id}/disable")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFLICT")
    assert admin_client.post("/api/admin/users/999999/disable").status_code == 404
    assert admin_client.post("/api/admin/users/999999/enable").status_code == 404


def insert_canary_sql(queue, age):
    return f"INSERT INTO beats VALUES ('canary:{queue}', now() - interval '{age}')"


def find_queue(admin_client, name):
    body = admin_client.get("/api/admin/queues").json
    return next(queue for queue in body["queues"] if queue["name"] == name)


def test_a_queue_is_silent_when_its_canary_is_old(admin_client, run_sql):
    assert find_queue(admin_client, "uploads")["state"] == "unknown"
    run_sql(insert_canary_sql("uploads", "40 seconds"))
    assert find_queue(admin_client, "uploads")["state"] == "silent"
    run_sql("UPDATE beats SET at = now()")
    assert find_queue(admin_client, "uploads")["state"] == "moving"


def test_a_queue_is_behind_when_work_waits_too_long(admin_client, run_sql):
    run_sql(insert_canary_sql("webhooks", "1 second"))
    run_sql(
        "INSERT INTO webhook_events (external_id, provider, event_type, payload_json,"
        " next_attempt_at) VALUES ('e1', 'tiktok', 'x', '{}', now() - interval '3 minutes')"
    )
    queue = find_queue(admin_client, "webhooks")
    assert (queue["state"], queue["due"], queue["held"]) == ("behind", 1, 0)
    run_sql("UPDATE webhook_events SET leased_until = now() + interval '9 s'")
    queue = find_queue(admin_client, "webhooks")
    assert (queue["state"], queue["due"], queue["held"]) == ("moving", 0, 1)


def test_workers_are_listed_by_name(admin_client, run_sql):
    run_sql("INSERT INTO beats VALUES ('alive:worker@host', now() - interval '40 seconds')")
    (worker,) = admin_client.get("/api/admin/queues").json["workers"]
    assert (worker["name"], worker["silent"]) == ("worker@host", True)


@pytest.mark.parametrize("path", ["audit", "users", "queues"])
def test_only_administrators_may_read_the_lists(client, make_user, make_api_client, path):
    api_client = make_api_client(make_user(), "accounts:read", "posts:read")
    assert client.get(f"/api/admin/{path}").status_code == 401
    assert api_client.get(f"/api/admin/{path}").status_code == 403
