"""Endpoints over the API and from a terminal: whose they are, what is shown once, what is wrong."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import endpoints as commands
from app.cli.main import cli
from core import outbox
from core.jobs.runner import run_jobs
from tests.platforms.hostile_server import hostile_server, http_response, set_responses

ENDPOINT_URL = "https://host.example.com/hook"
ALL_SCOPES = ("accounts:read", "accounts:write", "posts:read", "posts:write")


@pytest.fixture
def app(app_factory):
    return app_factory.create_app(ENDPOINT_PRIVATE_HOSTS="on")


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def api_client(make_api_client, alice):
    return make_api_client(alice, *ALL_SCOPES)


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


def create_endpoint(client, url=ENDPOINT_URL, **more):
    response = client.post("/api/endpoints", json={"url": url, **more})
    assert response.status_code == 201, response.text
    return response.json["data"]


def deliver_all(container):
    while run_jobs(outbox.DELIVERY_JOB, container.database, container.services).claimed:
        pass


def test_a_secret_is_shown_once_and_an_endpoint_always(api_client):
    one = create_endpoint(
        api_client, events=["post.failed", "post.published"], description="The shop"
    )
    assert one["secret"].startswith("whsec_")
    assert one["events"] == ["post.published", "post.failed"]
    listed = api_client.get("/api/endpoints")
    (shown,) = listed.json["data"]
    assert shown == {key: value for key, value in one.items() if key != "secret"}
    assert shown["enabled"] is True
    assert "post.published" in listed.json["events"]
    assert one["secret"] not in listed.text
    assert api_client.get(f"/api/endpoints/{one['id']}").json["data"] == shown


def test_the_database_holds_no_secret_in_the_clear(api_client, container):
    secret = create_endpoint(api_client)["secret"]
    with container.database.transaction() as session:
        rows = str(session.execute(text("SELECT * FROM endpoint_secrets, audit_log")).all())
    assert secret not in rows
    assert "/hook" not in rows  # an address may be a secret too


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": ""}, "url"),
        ({"url": "ftp://host.example.com/"}, "url"),
        ({"url": "https://user:word@host.example.com/"}, "url"),
        ({"url": "https://host.example.com/" + "x" * 2048}, "url"),
        ({"url": ENDPOINT_URL, "events": ["post.exploded"]}, "events"),
        ({"url": ENDPOINT_URL, "events": "post.failed"}, "events"),
        ({"url": ENDPOINT_URL, "description": "x" * 201}, "description"),
        ({"url": ENDPOINT_URL, "description": "\x00"}, "description"),
        ({"url": ENDPOINT_URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_wrong_is_named(api_client, wish, field):
    response = api_client.post("/api/endpoints", json=wish)
    assert (response.status_code, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert field in response.json["error"]["details"]["fields"]
    assert api_client.get("/api/endpoints").json["data"] == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://host.example.com/", "https://a.lan/"])
def test_endpoints_on_private_hosts_are_refused_unless_allowed(
    app_factory, alice, make_api_key, url
):
    with_key = {"Authorization": f"Bearer {make_api_key(alice, *ALL_SCOPES)}"}
    strict = app_factory.create_app().test_client()
    assert (
        strict.post("/api/endpoints", json={"url": ENDPOINT_URL}, headers=with_key).status_code
        == 201
    )
    response = strict.post("/api/endpoints", json={"url": url}, headers=with_key)
    assert (response.status_code, [*response.json["error"]["details"]["fields"]]) == (400, ["url"])


def test_changes_are_kept_and_strange_ones_refused(api_client):
    one = create_endpoint(api_client)
    path = f"/api/endpoints/{one['id']}"
    wish = {
        "url": ENDPOINT_URL + "2",
        "events": ["post.failed"],
        "description": "x",
        "enabled": False,
    }
    changed = api_client.patch(path, json=wish).json["data"]
    assert {name: changed[name] for name in wish} == wish
    assert changed["disabledCause"] == "by its owner"
    assert api_client.patch(path, json={"enabled": True}).json["data"]["disabledAt"] is None
    assert api_client.patch(path, json={"events": []}).json["data"]["events"] == []
    for wrong in ({"enabled": "yes"}, {"url": "nonsense"}, {"events": ["x"]}, {"id": 7}):
        assert api_client.patch(path, json=wrong).status_code == 400
    assert api_client.get(path).json["data"]["url"] == ENDPOINT_URL + "2"


def test_a_removed_endpoint_is_gone(api_client):
    path = f"/api/endpoints/{create_endpoint(api_client)['id']}"
    assert api_client.delete(path).status_code == 200
    for gone in (api_client.get(path), api_client.delete(path), api_client.post(path + "/test")):
        assert gone.status_code == 404


def test_a_new_secret_is_shown_once_more(api_client):
    one = create_endpoint(api_client)
    response = api_client.post(f"/api/endpoints/{one['id']}/rotate")
    assert response.status_code == 200
    assert response.json["data"]["secret"] not in {one["secret"], None}


def test_other_users_find_nothing(api_client, make_user, make_api_client):
    one = create_endpoint(api_client)
    delivery = api_client.post(f"/api/endpoints/{one['id']}/test").json["data"]["id"]
    bob = make_api_client(make_user("bob@example.org"), *ALL_SCOPES)
    path = f"/api/endpoints/{one['id']}"
    answers = [
        bob.get(path),
        bob.patch(path, json={"enabled": False}),
        bob.delete(path),
        bob.post(path + "/rotate"),
        bob.post(path + "/test"),
        bob.get(path + "/deliveries"),
        bob.post(f"/api/deliveries/{delivery}/redeliver"),
        bob.get(f"/api/endpoints/{2**63 - 1}"),
        bob.get(f"/api/endpoints/{2**63}"),
    ]
    assert {each.status_code for each in answers} == {404}
    assert bob.get("/api/endpoints").json["data"] == []


def test_what_it_takes_to_look_and_to_change(client, alice, make_api_client, api_client):
    one = create_endpoint(api_client)
    path = f"/api/endpoints/{one['id']}"
    assert client.get("/api/endpoints").status_code == 401
    reader = make_api_client(alice, "accounts:read", "posts:read")
    assert reader.get(path + "/deliveries").status_code == 200
    for refused in (
        reader.post("/api/endpoints", json={"url": ENDPOINT_URL}),
        reader.post(path + "/test"),
        reader.post(path + "/rotate"),
        reader.delete(path),
        make_api_client(alice, "posts:read").get("/api/endpoints"),
    ):
        assert refused.status_code == 403


def test_a_browser_needs_its_token(sign_in, alice):
    browser = sign_in(alice)
    one = create_endpoint(browser)
    response = browser.without_csrf_token().post(f"/api/endpoints/{one['id']}/rotate")
    assert (response.status_code, response.json["error"]["code"]) == (403, "csrf_detected")


def test_a_test_message_is_delivered_and_its_log_can_be_read(api_client, container, receiver):
    set_responses(receiver, http_response(500, b"not yet"), http_response(200, b"thanks"))
    one = create_endpoint(api_client, receiver.url + "/hook")
    told = api_client.post(f"/api/endpoints/{one['id']}/test")
    assert (told.status_code, told.json["data"]["state"]) == (202, "waiting")
    deliver_all(container)
    path = f"/api/endpoints/{one['id']}/deliveries"
    (log,) = api_client.get(path).json["data"]
    assert (log["type"], log["state"], log["sequence"]) == ("endpoint.test", "waiting", 1)
    assert log["nextTryAt"] is not None
    assert [(each["status"], each["error"], each["answer"]) for each in log["tries"]] == [
        (500, "http_500", "not yet")
    ]
    again = api_client.post(f"/api/deliveries/{log['id']}/redeliver")
    assert again.status_code == 202
    deliver_all(container)
    (log,) = api_client.get(path).json["data"]
    assert (log["state"], log["tries"][-1]["answer"]) == ("delivered", "thanks")
    assert {head["webhook-id"] for head in receiver.request_headers} == {log["webhookId"]}
    assert json.loads(log["body"])["data"] == {"endpoint_id": one["id"], "sequence": 1}
    assert api_client.get(f"/api/endpoints/{one['id']}").json["data"]["lastDeliveredAt"] is not None


def test_a_disabled_endpoint_is_not_tested(api_client):
    one = create_endpoint(api_client)
    api_client.patch(f"/api/endpoints/{one['id']}", json={"enabled": False})
    response = api_client.post(f"/api/endpoints/{one['id']}/test")
    assert (response.status_code, response.json["error"]["code"]) == (409, "CONFLICT")


def test_the_log_is_walked_page_by_page(api_client):
    one = create_endpoint(api_client)
    for _ in range(5):
        api_client.post(f"/api/endpoints/{one['id']}/test")
    path, cursor, seen = f"/api/endpoints/{one['id']}/deliveries", None, []
    while True:
        page = api_client.get(
            path, query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        seen += [each["sequence"] for each in page.json["data"]]
        if (cursor := page.json["nextCursor"]) is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"cursor": -1}, {"page": 2}):
        assert api_client.get(path, query_string=wrong).status_code == 400


def test_everything_can_be_done_from_a_terminal(container, alice, receiver, monkeypatch):
    monkeypatch.setattr(commands, "load_container", lambda: container)

    def says(*arguments, code=0):
        told = CliRunner().invoke(cli, ["endpoints", *arguments, "--json"])
        assert told.exit_code == code, told.output
        return [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]

    (one,) = says("add", receiver.url + "/hook", "--user", alice.email, "--event", "post.failed")
    endpoint = str(one["id"])
    assert one["secret"].startswith("whsec_")
    assert says("list", "--user", alice.email)[0]["events"] == ["post.failed"]
    assert says("rotate", endpoint)[0]["secret"] != one["secret"]
    says("test", endpoint)
    deliver_all(container)
    (log,) = says("deliveries", endpoint)
    assert log["state"] == "delivered"
    says("redeliver", str(log["id"]))
    deliver_all(container)
    assert len(receiver.requests) == 2
    assert says("disable", endpoint)[0]["enabled"] is False
    assert says("test", endpoint, code=1)[0]["error"]["code"] == "CONFLICT"
    assert says("enable", endpoint)[0]["enabled"] is True
    says("remove", endpoint, "--yes")
    assert says("rotate", endpoint, code=1)[0]["error"]["code"] == "NOT_FOUND"
    says("add", "nonsense", "--user", alice.email, code=1)
    says("list", "--user", "nobody@example.org", code=1)
