"""Endpoints over the API and from a terminal: whose they are, what is shown once, what is wrong."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import cli
from app.commands import endpoints as commands
from core import outbox
from core.engine.work import run
from tests.platforms.hostile import answer, hostile_server, plays

HOOK = "https://host.example.com/hook"
EVERYTHING = ("accounts:read", "accounts:write", "posts:read", "posts:write")


@pytest.fixture
def app(stage):
    return stage.house(ENDPOINT_PRIVATE_HOSTS="on")


@pytest.fixture
def alice(a_user):
    return a_user()


@pytest.fixture
def program(a_program, alice):
    return a_program(alice, *EVERYTHING)


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


def made(client, url=HOOK, **more):
    told = client.post("/api/endpoints", json={"url": url, **more})
    assert told.status_code == 201, told.text
    return told.json["data"]


def works(house):
    while run(outbox.WORK, house.database, house.world).claimed:
        pass


def test_a_secret_is_shown_once_and_an_endpoint_always(program):
    one = made(program, events=["post.failed", "post.published"], description="The shop")
    assert one["secret"].startswith("whsec_")
    assert one["events"] == ["post.published", "post.failed"]
    listed = program.get("/api/endpoints")
    (shown,) = listed.json["data"]
    assert shown == {key: value for key, value in one.items() if key != "secret"}
    assert shown["enabled"] is True
    assert "post.published" in listed.json["events"]
    assert one["secret"] not in listed.text
    assert program.get(f"/api/endpoints/{one['id']}").json["data"] == shown


def test_the_database_holds_no_secret_in_the_clear(program, house):
    secret = made(program)["secret"]
    with house.database.transaction() as session:
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
        ({"url": HOOK, "events": ["post.exploded"]}, "events"),
        ({"url": HOOK, "events": "post.failed"}, "events"),
        ({"url": HOOK, "description": "x" * 201}, "description"),
        ({"url": HOOK, "description": "\x00"}, "description"),
        ({"url": HOOK, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_wrong_is_named(program, wish, field):
    told = program.post("/api/endpoints", json=wish)
    assert (told.status_code, told.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert field in told.json["error"]["details"]["fields"]
    assert program.get("/api/endpoints").json["data"] == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://host.example.com/", "https://a.lan/"])
def test_where_it_is_not_allowed_nobody_is_told_on_private_hosts(stage, alice, an_api_key, url):
    with_key = {"Authorization": f"Bearer {an_api_key(alice, *EVERYTHING)}"}
    strict = stage.house().test_client()
    assert strict.post("/api/endpoints", json={"url": HOOK}, headers=with_key).status_code == 201
    told = strict.post("/api/endpoints", json={"url": url}, headers=with_key)
    assert (told.status_code, [*told.json["error"]["details"]["fields"]]) == (400, ["url"])


def test_changes_are_kept_and_strange_ones_refused(program):
    one = made(program)
    path = f"/api/endpoints/{one['id']}"
    wish = {"url": HOOK + "2", "events": ["post.failed"], "description": "x", "enabled": False}
    changed = program.patch(path, json=wish).json["data"]
    assert {name: changed[name] for name in wish} == wish
    assert changed["disabledCause"] == "by its owner"
    assert program.patch(path, json={"enabled": True}).json["data"]["disabledAt"] is None
    assert program.patch(path, json={"events": []}).json["data"]["events"] == []
    for wrong in ({"enabled": "yes"}, {"url": "nonsense"}, {"events": ["x"]}, {"id": 7}):
        assert program.patch(path, json=wrong).status_code == 400
    assert program.get(path).json["data"]["url"] == HOOK + "2"


def test_a_removed_endpoint_is_gone(program):
    path = f"/api/endpoints/{made(program)['id']}"
    assert program.delete(path).status_code == 200
    for gone in (program.get(path), program.delete(path), program.post(path + "/test")):
        assert gone.status_code == 404


def test_a_new_secret_is_shown_once_more(program):
    one = made(program)
    told = program.post(f"/api/endpoints/{one['id']}/rotate")
    assert told.status_code == 200
    assert told.json["data"]["secret"] not in {one["secret"], None}


def test_strangers_find_nothing(program, a_user, a_program):
    one = made(program)
    delivery = program.post(f"/api/endpoints/{one['id']}/test").json["data"]["id"]
    bob = a_program(a_user("bob@example.org"), *EVERYTHING)
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


def test_what_it_takes_to_look_and_to_change(client, alice, a_program, program):
    one = made(program)
    path = f"/api/endpoints/{one['id']}"
    assert client.get("/api/endpoints").status_code == 401
    reader = a_program(alice, "accounts:read", "posts:read")
    assert reader.get(path + "/deliveries").status_code == 200
    for refused in (
        reader.post("/api/endpoints", json={"url": HOOK}),
        reader.post(path + "/test"),
        reader.post(path + "/rotate"),
        reader.delete(path),
        a_program(alice, "posts:read").get("/api/endpoints"),
    ):
        assert refused.status_code == 403


def test_a_browser_needs_its_token(signed_in, alice):
    browser = signed_in(alice)
    one = made(browser)
    told = browser.without_token().post(f"/api/endpoints/{one['id']}/rotate")
    assert (told.status_code, told.json["error"]["code"]) == (403, "csrf_detected")


def test_a_test_message_is_delivered_and_its_log_can_be_read(program, house, receiver):
    plays(receiver, answer(500, b"not yet"), answer(200, b"thanks"))
    one = made(program, receiver.url + "/hook")
    told = program.post(f"/api/endpoints/{one['id']}/test")
    assert (told.status_code, told.json["data"]["state"]) == (202, "waiting")
    works(house)
    path = f"/api/endpoints/{one['id']}/deliveries"
    (log,) = program.get(path).json["data"]
    assert (log["type"], log["state"], log["sequence"]) == ("endpoint.test", "waiting", 1)
    assert log["nextTryAt"] is not None
    assert [(each["status"], each["error"], each["answer"]) for each in log["tries"]] == [
        (500, "http_500", "not yet")
    ]
    again = program.post(f"/api/deliveries/{log['id']}/redeliver")
    assert again.status_code == 202
    works(house)
    (log,) = program.get(path).json["data"]
    assert (log["state"], log["tries"][-1]["answer"]) == ("delivered", "thanks")
    assert {head["webhook-id"] for head in receiver.heads} == {log["webhookId"]}
    assert json.loads(log["body"])["data"] == {"endpoint_id": one["id"], "sequence": 1}
    assert program.get(f"/api/endpoints/{one['id']}").json["data"]["lastDeliveredAt"] is not None


def test_a_disabled_endpoint_is_not_tested(program):
    one = made(program)
    program.patch(f"/api/endpoints/{one['id']}", json={"enabled": False})
    told = program.post(f"/api/endpoints/{one['id']}/test")
    assert (told.status_code, told.json["error"]["code"]) == (409, "CONFLICT")


def test_the_log_is_walked_page_by_page(program):
    one = made(program)
    for _ in range(5):
        program.post(f"/api/endpoints/{one['id']}/test")
    path, cursor, seen = f"/api/endpoints/{one['id']}/deliveries", None, []
    while True:
        page = program.get(path, query_string={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        seen += [each["sequence"] for each in page.json["data"]]
        if (cursor := page.json["nextCursor"]) is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"cursor": -1}, {"page": 2}):
        assert program.get(path, query_string=wrong).status_code == 400


def test_everything_can_be_done_from_a_terminal(house, alice, receiver, monkeypatch):
    monkeypatch.setattr(commands, "house", lambda: house)

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
    works(house)
    (log,) = says("deliveries", endpoint)
    assert log["state"] == "delivered"
    says("redeliver", str(log["id"]))
    works(house)
    assert len(receiver.seen) == 2
    assert says("disable", endpoint)[0]["enabled"] is False
    assert says("test", endpoint, code=1)[0]["error"]["code"] == "CONFLICT"
    assert says("enable", endpoint)[0]["enabled"] is True
    says("remove", endpoint, "--yes")
    assert says("rotate", endpoint, code=1)[0]["error"]["code"] == "NOT_FOUND"
    says("add", "nonsense", "--user", alice.email, code=1)
    says("list", "--user", "nobody@example.org", code=1)
